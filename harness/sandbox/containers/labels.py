"""The labels by which everything that we make on an engine is found again."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

SANDBOX = "mcp-assay.sandbox"
"""The sandbox's id: 8 hex digits."""

OWNER = "mcp-assay.owner"
"""The lock file that its owner holds while it lives (`owner.Owner`), as an absolute path."""

HOST = "mcp-assay.host"
"""Where that path means something (`host`)."""

SERVICE = "mcp-assay.service"
"""Which of the sandbox's containers it is."""


def labels_of(sandbox_id: str, owner_file: Path, service: str) -> dict[str, str]:
    """Return the labels of what a sandbox makes."""
    return {SANDBOX: sandbox_id, OWNER: str(owner_file), HOST: host(), SERVICE: service}


def host() -> str:
    """Return the name of this machine, and of what we see of its files.

    An engine may be shared by other machines and by containers, and a container may share its host's name: another
    one's lock file is not found here, which must not look as if its owner were dead.
    """
    with suppress(OSError):
        return f"{socket.gethostname()} {Path('/proc/self/ns/mnt').readlink()}"
    return socket.gethostname()
