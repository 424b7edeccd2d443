"""Scenarios for authorization servers."""
