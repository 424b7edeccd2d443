"""`[id_jag]`: in whose name ID-JAGs can be signed for the authorization server."""

from __future__ import annotations

import json
import os
from typing import Annotated, Any

from joserfc.errors import JoseError
from jwt import PyJWTError
from pydantic import AfterValidator, ValidationInfo

from harness import keys
from harness.id_jag import IdentityProvider, KeySigner
from harness.target_tables import Name, Table, Url
from harness.variables import WITHOUT_SECRETS, Variable


def _holds_private_key(value: str, info: ValidationInfo) -> str:
    if info.context is not WITHOUT_SECRETS:
        try:
            keys.sign({}, _private_key(value))
        except (ValueError, KeyError, TypeError, NotImplementedError, JoseError, PyJWTError):
            raise ValueError(f"the variable {value} holds no private JWK with kty, alg and d that can sign") from None
    return value


class IdJagTable(Table):
    """`[id_jag]`: an OpenID provider that the authorization server trusts, and its private key."""

    issuer: Url
    private_key_env: Annotated[Variable, AfterValidator(_holds_private_key)]
    subject: Name
    tenant: str = ""

    def resolve(self) -> IdentityProvider:
        """Return the provider; its key is read from the environment when it first signs."""
        variable = self.private_key_env
        return IdentityProvider(self.issuer, self.subject, KeySigner(lambda: _private_key(variable)), self.tenant)


def _private_key(variable: str) -> dict[str, Any]:
    key: dict[str, Any] = json.loads(os.environ[variable])
    return key
