"""The tokens that somebody could give who has the sandbox's own: each is made when it is asked for."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from harness.minting import LIFETIME
from harness.run import AGENT

if TYPE_CHECKING:
    from harness.sandbox.target import Sandbox
    from harness.target import Tenant

FULL = ("urn:ledger:balance:read", "urn:fx:convert", "urn:infra:monitoring:read")
LIMITED = FULL[-1:]


class GivenTokens(Mapping[str, str]):
    """Tokens of one tenant by kind, as `[tokens]` of a target file names them. The clock of the sandbox may move.

    Args:
        sandbox: whose clock tells the time.
        home: whose they are.
        other: whose the token of another tenant is.
        elsewhere: another resource of the tenant.
    """

    def __init__(self, sandbox: Sandbox, home: Tenant, other: Tenant, elsewhere: str) -> None:
        self._sandbox, self._home, self._other = sandbox, home, other
        self._kinds: dict[str, dict[str, Any]] = {
            "good": {},
            "expired": {"lasts": -LIFETIME},
            "other_resource": {"aud": elsewhere, "scope": "urn:fx:convert"},
            "limited": {"scope": " ".join(LIMITED)},
            "other_tenant": {},
        }

    def __getitem__(self, kind: str) -> str:
        return self._issued(self._other if kind == "other_tenant" else self._home, **self._kinds[kind])

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def _issued(self, tenant: Tenant, lasts: int = LIFETIME, **claims: str) -> str:
        assert tenant.signer
        now = int(self._sandbox.clock.now())
        good = {
            "iss": tenant.authorization_server,
            "sub": tenant.subject,
            "aud": tenant.mcp_server,
            "client_id": AGENT,
            "act": {"sub": AGENT},
            "scope": " ".join(FULL),
            "tenant": tenant.name,
            "jti": secrets.token_urlsafe(12),
            "iat": now - max(0, -2 * lasts),
            "exp": now + lasts,
        }
        return tenant.signer.sign({"typ": "at+jwt"}, {**good, **claims})
