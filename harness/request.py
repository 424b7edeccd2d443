"""What the user named, before anything is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

TARGET_FILE = "mcp-assay.toml"
"""The target file that is read where none is named."""


class TargetFileError(ValueError):
    """A mistake in a target file: one sentence for each, with its key, what was found and what is allowed."""


@dataclass(frozen=True)
class Request:
    """What the user named on the command line; nothing of it means the sandbox. `timeout` is in seconds.

    `image` is that of a target in a container, and `port` the one at which it listens.
    """

    file: Path | None = None
    mcp_server: str | None = None
    authorization_server: str | None = None
    spec: str | None = None
    timeout: float = 10.0
    image: str | None = None
    port: int | None = None

    @property
    def sandbox(self) -> bool:
        """Whether the sandbox itself is the target."""
        named = (self.file, self.mcp_server, self.authorization_server, self.image, self.port)
        return all(item is None for item in named)
