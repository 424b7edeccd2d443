"""All capabilities by name: those of authorization servers, then those of MCP servers."""

from __future__ import annotations

from harness import capability, mcp_capability
from harness.support import Capability

CAPABILITIES = {
    value.name: value
    for module in (capability, mcp_capability)
    for value in vars(module).values()
    if isinstance(value, Capability)
}
