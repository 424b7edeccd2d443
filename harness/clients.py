"""The OAuth clients of a run: configured ones first, else registered once and used again (RFC 7591)."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from harness import keys
from harness.exchange import Answer
from harness.once import Once
from harness.target import REDIRECT_URI, OAuthClient
from harness.verdict import Blocked, NotApplicable

if TYPE_CHECKING:
    from harness.http import Client
    from harness.run import Site

TOKEN_EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105
JWT_BEARER_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105
WEB_REDIRECT_URI = "https://client.assay.example/oauth/callback"
"""Where codes of a web application go; nobody has this name, and nothing is ever sent there."""
CODE_GRANTS = ["authorization_code", "refresh_token"]
KINDS: dict[str, dict[str, Any]] = {
    "first": {"token_endpoint_auth_method": "none", "grant_types": CODE_GRANTS},
    "second": {"token_endpoint_auth_method": "none", "grant_types": CODE_GRANTS},
    "confidential": {"grant_types": CODE_GRANTS},
    "web": {"token_endpoint_auth_method": "none", "grant_types": CODE_GRANTS, "redirect_uris": [WEB_REDIRECT_URI]},
    "machine": {"grant_types": ["client_credentials"]},
    "keyed": {"token_endpoint_auth_method": "private_key_jwt", "grant_types": ["client_credentials"]},
    "exchanger": {"grant_types": ["client_credentials", TOKEN_EXCHANGE_GRANT]},
    "id_jag": {"grant_types": [JWT_BEARER_GRANT]},
    "resource_server": {"grant_types": ["client_credentials"]},
}
DOCUMENTED = ("first", "second")
"""The kinds that a client ID metadata document makes as well, where there is no registration."""


class ClientPool:
    """The clients of one site, by what they are for. Each is registered at most once in a run."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._made = {kind: Once(partial(self._make, kind)) for kind in KINDS}

    def get(self, kind: str) -> OAuthClient:
        """Return the client of this kind.

        Raises:
            NotApplicable: none is configured, and the target offers no registration.
            Blocked: registration is offered and refused.
        """
        return self._made[kind].get()

    def __getattr__(self, kind: str) -> OAuthClient:
        if kind.startswith("_") or kind not in KINDS:
            raise AttributeError(kind)
        return self.get(kind)

    @property
    def revoking(self) -> OAuthClient:
        """The first client, or the confidential one where those without a secret may not revoke (RFC 8414 section 2).

        Raises:
            NotApplicable: none is configured, and the target offers no registration.
            Blocked: registration is offered and refused.
        """
        listed = self._site.metadata.get("revocation_endpoint_auth_methods_supported")
        kept_out = isinstance(listed, list) and "none" not in listed
        return self.get("confidential") if kept_out and self.get("first").public else self.get("first")

    def _make(self, kind: str) -> OAuthClient:
        configured = self._site.tenant.clients.get(kind)
        if configured:
            return configured
        if self._site.metadata.get("registration_endpoint"):
            return register(self._site, kind)
        if kind in DOCUMENTED and (documented := self._with_document()):
            return documented
        raise NotApplicable(f"no [clients.{kind}] is configured, and the target offers no registration")

    def _with_document(self) -> OAuthClient | None:
        from harness.publishing import documented_client

        return documented_client(self._site)


def registration_metadata(site: Site, kind: str = "first", private_key: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return valid client metadata for a kind of client, as the target's metadata says that it wants it."""
    wanted = KINDS[kind]
    code_flow = "authorization_code" in wanted["grant_types"]
    metadata: dict[str, Any] = {
        "client_name": f"mcp-assay {kind}",
        "redirect_uris": wanted.get("redirect_uris", [REDIRECT_URI]) if code_flow else [],
        "response_types": ["code"] if code_flow else [],
        "grant_types": _supported_grants(site, wanted["grant_types"]),
        "token_endpoint_auth_method": _auth_method(site, wanted.get("token_endpoint_auth_method", "")),
        "application_type": "native" if code_flow and kind != "web" else "web",
    }
    if private_key:
        metadata["jwks"] = {"keys": [keys.public(private_key)]}
        metadata["token_endpoint_auth_signing_alg"] = private_key["alg"]
    return metadata


def register(site: Site, kind: str) -> OAuthClient:
    """Register a client and go by what the server says that it registered.

    Raises:
        Blocked: the server refused it, or its answer lacks a client_id.
    """
    private_key = keys.new_private_key(assertion_algorithm(site)) if kind == "keyed" else None
    metadata = registration_metadata(site, kind, private_key)
    answer = send_registration(site.back_channel(), site.endpoint("registration"), metadata)
    client_id = answer.json.get("client_id")
    if answer.status not in (200, 201) or not isinstance(client_id, str):
        raise Blocked(f"registering a client for {kind} failed: {answer.summary()}", exchange=answer.exchange)
    return registered_client(answer, metadata, private_key)


def registered_client(
    answer: Answer, metadata: dict[str, Any], private_key: dict[str, Any] | None = None
) -> OAuthClient:
    """Read a registration answer: what it does not return is as it was asked for (RFC 7591 section 3.2.1)."""
    told = {**metadata, **answer.json}
    redirect_uris = told.get("redirect_uris")
    secret = told.get("client_secret")
    return OAuthClient(
        client_id=str(told["client_id"]),
        auth_method=str(told.get("token_endpoint_auth_method") or "client_secret_basic"),
        secret=secret if isinstance(secret, str) else None,
        private_key=private_key,
        redirect_uri=str(redirect_uris[0]) if isinstance(redirect_uris, list) and redirect_uris else REDIRECT_URI,
        scope=str(told.get("scope") or ""),
        registration=answer.json,
    )


def send_registration(client: Client, url: str, metadata: dict[str, Any]) -> Answer:
    """Send a registration request and return the raw answer."""
    headers = {"content-type": "application/json", "accept": "application/json"}
    return client.send("POST", url, headers=headers, content=json.dumps(metadata))


def _supported_grants(site: Site, wanted: list[str]) -> list[str]:
    supported = site.metadata.get("grant_types_supported")
    if not isinstance(supported, list):
        return wanted
    return [grant for grant in wanted if grant in supported] or wanted


def _auth_method(site: Site, wanted: str) -> str:
    """The wanted method where it is listed or nothing is; else a secret.

    A secret goes in the body where that is listed, as OAuth 2.1 section 2.4.1 demands; in the header, which RFC 8414
    section 2 makes the default, otherwise.
    """
    listed = site.metadata.get("token_endpoint_auth_methods_supported")
    supported = listed if isinstance(listed, list) and listed else [wanted, "client_secret_basic"]
    if wanted and (wanted in supported or wanted == "private_key_jwt"):
        return wanted
    return "client_secret_post" if "client_secret_post" in supported else "client_secret_basic"


def assertion_algorithm(site: Site) -> str:
    """Return an algorithm for client assertions that the target lists, or that it may be expected to know."""
    supported = site.metadata.get("token_endpoint_auth_signing_alg_values_supported")
    return "RS256" if isinstance(supported, list) and "ES256" not in supported else "ES256"
