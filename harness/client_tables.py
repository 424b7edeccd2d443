"""The tables of a target file that say how tokens are had: registered clients, and how the human is replaced."""

from __future__ import annotations

import json
import os
from typing import Any, Literal

from pydantic import Field, model_validator

from harness.target import REDIRECT_URI, Login, LoginPage, OAuthClient
from harness.target_tables import Name, Table
from harness.variables import Variable

AuthMethod = Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
ClientKind = Literal["first", "second", "confidential", "machine", "keyed", "exchanger", "id_jag", "resource_server"]


class ClientTable(Table):
    """`[clients.KIND]`: a pre-registered client. Secrets come from the environment, by name."""

    client_id: Name
    auth_method: AuthMethod = "none"
    secret_env: Variable | None = None
    private_key_env: Variable | None = None
    assertion_audience: Literal["issuer", "token_endpoint"] = "issuer"
    assertion_type: Literal["client-authentication+jwt", "JWT"] = "client-authentication+jwt"
    redirect_uri: str = REDIRECT_URI

    @model_validator(mode="after")
    def _credential(self) -> ClientTable:
        if self.auth_method.startswith("client_secret") and not self.secret_env:
            raise ValueError(f"auth_method {self.auth_method} wants secret_env")
        if self.auth_method == "private_key_jwt" and not self.private_key_env:
            raise ValueError("auth_method private_key_jwt wants private_key_env, a variable that holds a private JWK")
        return self

    def resolve(self, kind: str) -> OAuthClient:
        """Return the client, its secrets read from the environment.

        Raises:
            ValueError: its private key is no JWK.
        """
        return OAuthClient(
            client_id=self.client_id,
            auth_method=self.auth_method,
            secret=os.environ[self.secret_env] if self.secret_env else None,
            private_key=_private_key(kind, self.private_key_env) if self.private_key_env else None,
            assertion_audience=self.assertion_audience,
            assertion_type=self.assertion_type,
            redirect_uri=self.redirect_uri,
        )


class PageTable(Table):
    """One page of a login: the fields to fill and the button to press."""

    fill: dict[str, str] = Field(default_factory=dict)
    fill_env: dict[str, Variable] = Field(default_factory=dict)
    press: str = ""

    def resolve(self) -> LoginPage:
        """Return the page, its secrets read from the environment."""
        secrets = {name: os.environ[variable] for name, variable in self.fill_env.items()}
        return LoginPage({**self.fill, **secrets}, self.press)


class LoginTable(Table):
    """`[login]`: how the human is replaced."""

    method: Literal["auto", "form", "manual"] = "auto"
    remember: bool = False
    hint: str = ""
    parameters: dict[str, str] = Field(default_factory=dict)
    pages: list[PageTable] = Field(default_factory=list)
    refusal: list[PageTable] = Field(default_factory=list)

    def resolve(self) -> Login:
        """Return how the human is replaced, with the secrets of the pages."""
        pages, refusal = (tuple(page.resolve() for page in part) for part in (self.pages, self.refusal))
        return Login(self.method, self.remember, self.hint, self.parameters, pages, refusal)


def _private_key(kind: str, variable: str) -> dict[str, Any]:
    try:
        key = json.loads(os.environ[variable])
    except ValueError:
        key = None
    if not isinstance(key, dict) or not {"kty", "d", "alg"} <= set(key):
        raise ValueError(f"clients.{kind}.private_key_env: {variable} holds no private JWK with kty, alg and d")
    return key
