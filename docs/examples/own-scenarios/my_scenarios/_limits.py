"""What the rules of our house count with."""

ONE_HOUR = 3600
"""Seconds."""
