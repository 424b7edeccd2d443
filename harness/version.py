"""The name and version of this tool."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def tool() -> str:
    """Return `mcp-assay <version>`."""
    try:
        return f"mcp-assay {version('mcp-assay')}"
    except PackageNotFoundError:
        return "mcp-assay (not installed)"
