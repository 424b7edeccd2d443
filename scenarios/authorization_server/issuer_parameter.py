"""The iss parameter of authorization responses, by which clients notice a mix-up (RFC 9207)."""

from __future__ import annotations

from harness import Context, expect, scenario
from harness.browser import Landing
from harness.capability import AUTHORIZATION_CODE, ISSUER_PARAMETER
from harness.http import is_loopback


@scenario("mcp-authz-response-6", needs={AUTHORIZATION_CODE})
def authorization_responses_carry_iss(ctx: Context) -> None:
    """An authorization response names the issuer that it comes from.

    Why: a client of several authorization servers can be made to send one server's code to another.
    Remedy: add iss, the issuer identifier, to every authorization response (RFC 9207).
    """
    landing = ctx.authorize().landing
    expect(landing.get("iss"), "the parameter iss beside the code", "there was none", landing.answer)


@scenario("mcp-authz-response-7", "rfc9207-2.3-2", needs={AUTHORIZATION_CODE})
def a_server_that_sends_iss_says_so(ctx: Context) -> None:
    """A server that sends iss publishes authorization_response_iss_parameter_supported.

    Why: only then does a client notice that an attacker has taken iss away.
    Remedy: publish authorization_response_iss_parameter_supported = true.
    """
    landing = ctx.authorize().landing
    ctx.require(landing.get("iss"), "authorization responses carry no iss")
    advertised = ctx.metadata.get("authorization_response_iss_parameter_supported")
    actual = f"authorization_response_iss_parameter_supported was {advertised!r}, and iss was sent"
    expect(advertised is True, "iss to be advertised", actual, landing.answer)


@scenario("rfc9207-2-1", needs={ISSUER_PARAMETER})
def iss_comes_with_the_code(ctx: Context) -> None:
    """A server that advertises iss sends it with the code.

    Why: clients refuse a response without iss from a server that advertises it.
    Remedy: add iss to the authorization response, or do not advertise it.
    """
    landing = ctx.authorize().landing
    expect(landing.get("iss"), "the parameter iss beside the code", "there was none", landing.answer)


@scenario("rfc9207-2-1", needs={ISSUER_PARAMETER})
def iss_comes_with_an_error(ctx: Context) -> None:
    """A server that advertises iss sends it with errors too.

    Remedy: add iss where error responses are built, not only where codes are issued.
    """
    landing = _error_response(ctx)
    expect(landing.get("iss"), "the parameter iss beside the error", "there was none", landing.answer)


@scenario("rfc9207-2.3-1", needs={ISSUER_PARAMETER})
def iss_is_the_issuer_of_the_metadata(ctx: Context) -> None:
    """The parameter iss is, character by character, the issuer of the metadata.

    Remedy: take both from the same configured value.
    """
    landing = ctx.authorize().landing
    sent = landing.get("iss")
    ctx.require(sent, "the response carries no iss")
    expect(sent == ctx.home.issuer, f"iss {ctx.home.issuer}", f"iss was {sent!r}", landing.answer)


@scenario("rfc9207-2-2", needs={ISSUER_PARAMETER})
def iss_is_a_bare_https_url(ctx: Context) -> None:
    """The parameter iss is an https URL without query and fragment; http will do on loopback.

    Remedy: send the issuer identifier, and nothing that says more than that.
    """
    landing = ctx.authorize().landing
    sent = landing.get("iss")
    ctx.require(sent, "the response carries no iss")
    secure = sent.startswith("https://") or (sent.startswith("http://") and is_loopback(sent))
    bare = secure and "?" not in sent and "#" not in sent
    expect(bare, "an https URL without query and fragment", f"iss was {sent!r}", landing.answer)


def _error_response(ctx: Context) -> Landing:
    """Ask for a response type that nobody knows; not applicable where that is answered with a page."""
    request = ctx.authorization_request(response_type="assay")
    landing = ctx.send_authorization(request)
    told = landing.get("error") and landing.arrived_at(request.client.redirect_uri)
    ctx.require(told, "the error was shown on a page, and no response went to the client")
    return landing
