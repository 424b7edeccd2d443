"""What can go wrong with a sandbox."""


class SandboxError(Exception):
    """A sandbox cannot be started, or does not do what it was asked; the text is for the user."""
