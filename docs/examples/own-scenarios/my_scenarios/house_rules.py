"""What our house asks for beyond the specifications."""

from __future__ import annotations

import string

from hypothesis import strategies as st

from harness import Context, Fault, expect, expect_oauth_error, expect_token, fault, for_all, scenario
from harness.capability import AUTHORIZATION_CODE, REGISTRATION
from harness.mcp_capability import MCP_SERVER

from ._limits import ONE_HOUR


@scenario("house-tokens-1", needs={AUTHORIZATION_CODE})
def access_tokens_last_an_hour_at_most(ctx: Context) -> None:
    """An access token is valid for an hour at most.

    Why: a stolen token is worth what is left of its time.
    Remedy: lower the lifetime of access tokens, and let clients refresh.
    """
    answer = ctx.redeem(ctx.authorize())
    token = expect_token(answer)
    ctx.require("expires_in" in token, "the token response does not say how long the token is valid")
    lifetime = token["expires_in"]
    expect(lifetime <= ONE_HOUR, f"expires_in of {ONE_HOUR} at most", f"it was {lifetime}", answer)


RISKY = (
    fault(
        "plain-http",
        "house-clients-1",
        redirect_uri="http://client.example/callback",
        remedy="Accept http for loopback addresses only.",
    ),
    fault(
        "a-wildcard",
        "house-clients-1",
        redirect_uri="https://*.client.example/callback",
        remedy="Compare redirect URIs as a whole, and refuse patterns.",
    ),
)


@scenario.each(RISKY, needs={REGISTRATION})
def a_risky_redirect_uri_is_not_registered(ctx: Context, row: Fault) -> None:
    """A client that names a risky redirect URI is refused."""
    answer = ctx.register(redirect_uris=[row.claims["redirect_uri"]])
    expect_oauth_error(answer, "invalid_redirect_uri", "invalid_client_metadata")


@scenario("house-state-1", needs={AUTHORIZATION_CODE})
@for_all(budget=5, state=st.text(string.ascii_letters + "-._~ /=&%", min_size=1, max_size=512))
def state_comes_back_unchanged(ctx: Context, state: str) -> None:
    """Whatever state a client sends, the same comes back."""
    landing = ctx.send_authorization(state=state)
    expect(landing.get("state") == state, f"state {state!r}", landing.summary(), landing.answer)


@scenario("house-servers-1", needs={MCP_SERVER})
def answers_are_not_sniffed(ctx: Context) -> None:
    """The MCP server's answers carry X-Content-Type-Options: nosniff.

    Remedy: let the server or the proxy before it add the header.
    """
    answer = ctx.mcp_request(token=None)
    value = answer.headers.get("x-content-type-options", "absent")
    expect(value == "nosniff", "X-Content-Type-Options: nosniff", f"it was {value}", answer)
