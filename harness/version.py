"""The name and version of this tool, and of what it stands on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("authlib", "cryptography", "httpx", "hypothesis", "joserfc", "mcp", "pydantic")


def tool() -> str:
    """Return `mcp-assay <version>`."""
    try:
        return f"mcp-assay {version('mcp-assay')}"
    except PackageNotFoundError:
        return "mcp-assay (not installed)"


def versions() -> dict[str, str]:
    """Return the versions of Python, the system and the libraries that a verdict could depend on."""
    system = f"{platform.system()} {platform.release()}"
    return {"python": platform.python_version(), "system": system, **{name: version(name) for name in LIBRARIES}}
