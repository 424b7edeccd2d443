"""Scenarios for MCP servers."""
