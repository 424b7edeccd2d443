"""JSON that a stranger sent."""

from __future__ import annotations

import json
from typing import Any


def parse_json(text: bytes | str) -> Any:
    """Return a JSON value; None when it is no JSON, nested too deep, or holds half of a surrogate pair.

    Such a half is in no Unicode text (RFC 8259 section 8.2), so it could be neither sent on nor written down.
    """
    try:
        value = json.loads(text)
        if _may_hold_half(text):
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value


def _may_hold_half(text: bytes | str) -> bool:
    return (b"\\ud" if isinstance(text, bytes) else "\\ud") in text.lower()  # type: ignore[operator]
