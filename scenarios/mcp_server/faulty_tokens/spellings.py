"""Tokens that the issuer signed, and that are not written as a JWT is (RFC 7515 section 5.2, RFC 7519 section 7.2).

What can be spelt in two ways slips past whoever keeps a list of revoked or known tokens.
"""

from __future__ import annotations

import base64
import json

from harness import Fault
from harness.forging import in_json, padded, rewritten, with_payload, with_written_payload, within_signature
from harness.mcp_capability import JWT_PROFILE
from scenarios.mcp_server.faulty_tokens.rows import made_by

PROFILE = {JWT_PROFILE}

SPELLINGS: tuple[Fault, ...] = (
    *made_by(
        {
            "with-padding-behind-it": rewritten(padded),
            "with-padding-in-its-payload": with_written_payload(lambda raw: base64.urlsafe_b64encode(raw).decode()),
            "in-the-other-alphabet": with_written_payload(lambda raw: base64.b64encode(raw).decode().rstrip("=")),
            "with-a-space-in-its-signature": within_signature(" "),
            "with-a-stray-sign-in-its-signature": within_signature("!"),
            "with-a-fourth-part": rewritten(lambda token: f"{token}.e30"),
            "with-a-fourth-and-a-fifth-part": rewritten(lambda token: f"{token}.e30.e30"),
            "in-the-json-serialization": rewritten(in_json),
        },
        "rfc7515-5.2-1",
        needs=PROFILE,
        remedy="Take a token only as three parts of unpadded base64url with dots between them, before any is decoded.",
    ),
    *made_by(
        {
            "with-claims-in-latin-1": with_payload(lambda text: f'{text[:-1]},"name":"Zoë"}}'.encode("latin-1")),
            "with-claims-in-utf-16": with_payload(lambda text: text.encode("utf-16-le")),
        },
        "rfc8725-3.7-1",
        needs=PROFILE,
        remedy="Decode header and claims as UTF-8, strictly; parsers that guess the encoding guess what others do not.",
    ),
    *made_by(
        {
            "with-a-list-around-its-claims": with_payload(lambda text: f"[{text}]".encode()),
            "with-its-claims-in-a-text": with_payload(lambda text: json.dumps(text).encode()),
            "with-a-number-for-claims": with_payload(lambda _: b"1"),
            "with-something-behind-its-claims": with_payload(lambda text: f"{text}{{}}".encode()),
            "with-nothing-for-claims": with_payload(lambda _: b""),
        },
        "rfc7519-7.2-1",
        needs=PROFILE,
        remedy="Refuse a token whose payload is not one JSON object and nothing else.",
    ),
)
