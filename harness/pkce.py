"""PKCE (RFC 7636): verifiers and their S256 challenges."""

from __future__ import annotations

import base64
import hashlib
import secrets


def verifier(length: int = 64) -> str:
    """Return a fresh code_verifier of 43 to 128 characters (section 4.1)."""
    return secrets.token_urlsafe(128)[:length]


def challenge(code_verifier: str) -> str:
    """Return the S256 code_challenge of a verifier (section 4.2)."""
    digest = hashlib.sha256(code_verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
