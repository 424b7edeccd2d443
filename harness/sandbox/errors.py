"""What can go wrong with a sandbox."""


class SandboxError(Exception):
    """A sandbox cannot be started, or does not do what it was asked; the text is for the user."""


class PortError(SandboxError):
    """A port cannot be had.

    Attributes:
        reason: which one and why, without what to do about it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}; pass another base with --port")
        self.reason = reason


class SilentError(SandboxError):
    """A service of the sandbox does not answer any more."""
