"""Challenges: what a client is told that may not do what it asked for (OAuth 2.1 section 5.3, RFC 6750, RFC 9728)."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Iterator

from harness import Context, expect, expect_accepted, expect_challenge, expect_refused, expect_status, scenario
from harness.discovery import challenge_parameters, has_bearer_challenge
from harness.exchange import Answer
from harness.mcp_capability import GOOD_TOKEN, MCP_SERVER

SETS = {
    "scope": re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*"),
    "error": re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]+"),
    "error_description": re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]*"),
    "error_uri": re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+"),
}
ONCE = ("realm", "resource_metadata", *SETS)


@scenario("mcp-errors-1", needs={MCP_SERVER})
def a_request_without_a_token_is_answered_401(ctx: Context) -> None:
    """A request that needs a token and has none is answered 401.

    Why: 401 is what makes a client look for the authorization server and ask for a token.
    Remedy: look for the token before anything is dispatched, and answer 401 where there is none.
    """
    answer = ctx.call_tool(token=None) if ctx.world.scoped_tools else ctx.guarded(token=None)
    expect_refused(answer, what="a request without a token")
    expect_status(answer, 401)


@scenario("oauth21-5.3.1-1", "rfc6750-3-1", needs={MCP_SERVER})
def a_refusal_comes_with_a_bearer_challenge(ctx: Context) -> None:
    """Whether there was no token or a bad one, the refusal has a WWW-Authenticate header of the scheme Bearer.

    Remedy: send WWW-Authenticate: Bearer with each answer that refuses a request for want of a good token.
    """
    for token in (None, _unknown()):
        answer = ctx.guarded(token=token)
        expect_refused(answer)
        actual = f"WWW-Authenticate was {answer.headers.get('www-authenticate', 'absent')!r}"
        expect(has_bearer_challenge(answer), "a challenge of the scheme Bearer", actual, answer)


@scenario("oauth21-5.3.1-2", needs={MCP_SERVER})
def a_challenge_says_something(ctx: Context) -> None:
    """A Bearer challenge has at least one parameter behind the name of the scheme.

    Why: a bare scheme is no challenge that RFC 6750 defines, and tells a client nothing.
    Remedy: send resource_metadata in each challenge; realm, scope and error where they fit.
    """
    for token in (None, _unknown()):
        answer = ctx.guarded(token=token)
        ctx.require(has_bearer_challenge(answer), "there is no Bearer challenge")
        actual = f"WWW-Authenticate was {answer.headers.get('www-authenticate', 'absent')!r}"
        expect(list(challenge_parameters(answer)), "a parameter in the challenge", actual, answer)


@scenario("mcp-token-handling-3", needs={MCP_SERVER})
def an_unknown_token_is_answered_401(ctx: Context) -> None:
    """A token that nobody issued is answered 401.

    Why: a client that is told so gets itself a new token; any other answer ends in an error for its user.
    Remedy: answer 401 with the error invalid_token whatever is wrong with a token.
    """
    answer = ctx.guarded(token=_unknown())
    expect_refused(answer, what="an unknown token")
    if answer.status == 400:
        answer.warn("status 401", f"{answer.summary()}: the token is well-formed, though unknown")
    else:
        expect_status(answer, 401)


@scenario("rfc9728-5.1-1", needs={MCP_SERVER})
def the_challenge_leads_to_the_metadata(ctx: Context) -> None:
    """The 401 challenge names the URL of the protected resource metadata, and the metadata is there.

    Remedy: send resource_metadata with the full URL of the document in the challenge.
    """
    _expect_metadata(ctx)


@scenario("mcp-discovery.prm-4", needs={MCP_SERVER})
def the_challenge_of_2025_06_18_leads_to_the_metadata(ctx: Context) -> None:
    """The 401 challenge names the URL of the metadata, which is the only way of finding it in the revision 2025-06-18.

    Remedy: send resource_metadata with the full URL of the document in the challenge.
    """
    _expect_metadata(ctx)


@scenario("mcp-scope-1", needs={MCP_SERVER})
def the_challenge_names_the_scopes(ctx: Context) -> None:
    """The 401 challenge says which scopes the request needs.

    Why: a client that is not told asks for all the scopes that it can find.
    Remedy: send scope in the challenge, with what the operation needs.
    """
    answer = ctx.call_tool(token=None) if ctx.world.scoped_tools else ctx.guarded(token=None)
    ctx.require(ctx.world.tool_scopes or ctx.home.metadata.get("scopes_supported"), "nothing is known of scopes")
    _expect_parameter(answer, "scope")


@scenario("oauth21-5.3.2-2", "rfc6750-3-3", needs={MCP_SERVER})
def a_request_without_a_token_is_told_no_error(ctx: Context) -> None:
    """The challenge to a request without any credentials holds no error code: nothing was wrong yet.

    Remedy: send error and error_description only where a token came and was refused.
    """
    answer = ctx.guarded(token=None)
    error = expect_challenge(answer, status=401).get("error")
    expect(error is None, "no error in the challenge", f"the error is {error!r}", answer)


@scenario("rfc6750-3-2", "oauth21-5.3.1-3", needs={MCP_SERVER})
def no_attribute_of_a_challenge_is_repeated(ctx: Context) -> None:
    """Each attribute of a Bearer challenge is there once at most.

    Remedy: put all scopes into one scope attribute, with spaces between them.
    """
    for answer in _refusals(ctx):
        counts = Counter(name for name, _ in challenge_parameters(answer))
        repeated = [name for name in ONCE if counts[name] > 1]
        expect(not repeated, "each attribute once", f"repeated: {', '.join(repeated)}", answer)


@scenario("rfc6750-3-2", "oauth21-5.3.1-3", needs={MCP_SERVER})
def a_challenge_keeps_to_the_permitted_characters(ctx: Context) -> None:
    """The values of a Bearer challenge hold neither quotation marks nor backslashes nor anything beyond ASCII.

    Why: these values are sent unescaped, so that a quotation mark ends them and begins whatever an attacker likes.
    Remedy: never put anything of the request or of the token into error_description.
    """
    for answer in _refusals(ctx):
        said = [(name, value) for name, value in challenge_parameters(answer) if name in SETS and value]
        bad = [name for name, value in said if not SETS[name].fullmatch(value)]
        expect(not bad, "permitted characters only", f"others in: {', '.join(bad)}", answer)


@scenario("oauth21-5.1.1-2", needs={GOOD_TOKEN})
def the_scheme_is_recognised_in_any_case(ctx: Context) -> None:
    """A good token is accepted whether the scheme is written Bearer, bearer or BEARER.

    Remedy: compare the scheme's name without regard to case.
    """
    token = ctx.good_token()
    for scheme in ("bearer", "BEARER"):
        answer = ctx.mcp_request(token=token, headers={"authorization": f"{scheme} {token}"})
        expect_accepted(answer, what=f"the scheme {scheme}")


@scenario("oauth21-5.1-1", needs={GOOD_TOKEN})
def a_token_in_the_query_is_ignored(ctx: Context) -> None:
    """A good token in the query of the URL, and nowhere else, opens nothing.

    Why: URLs are kept in logs and histories, and so would be the token.
    Remedy: read the token from the Authorization header only.
    """
    answer = ctx.guarded(token=None, query=f"?access_token={ctx.good_token()}")
    expect_refused(answer, what="a token in the query")


@scenario("rfc6750-3.1-1", "oauth21-5.3.2-1", needs={GOOD_TOKEN})
def a_second_authorization_header_is_refused(ctx: Context) -> None:
    """A request with two Authorization headers, one of which holds a good token, is refused.

    Why: a proxy may judge one of the two, and the server the other.
    Remedy: answer 400 with invalid_request to a request that has more than one.
    """
    for tokens in ((ctx.good_token(), _unknown()), (_unknown(), ctx.good_token())):
        headers = [("authorization", f"Bearer {token}") for token in tokens]
        answer = ctx.guarded(token=tokens[0], headers=headers)
        expect_refused(answer, what="a request with two Authorization headers")


@scenario("rfc9700-2.3-1", needs={GOOD_TOKEN})
def a_session_does_not_stand_for_a_token(ctx: Context) -> None:
    """A request in a session that a good token opened is refused where it brings no token of its own.

    Why: a session id is no credential: it is neither bound to a user nor kept secret.
    Remedy: validate the token of each request before the session is looked up.
    """
    answer = ctx.guarded(token=None, within=ctx.session(ctx.good_token()))
    if answer.status != 404:
        expect_refused(answer, what="a request without a token in a session")


def _unknown() -> str:
    return secrets.token_urlsafe(32)


def _refusals(ctx: Context) -> Iterator[Answer]:
    yield ctx.guarded(token=None)
    yield ctx.guarded(token=_unknown())
    if ctx.home.tenant.signer and ctx.world.scoped_tools:
        yield ctx.call_tool(token=ctx.mint(scope=None))


def _expect_parameter(answer: Answer, name: str) -> str:
    value = expect_challenge(answer, status=401).get(name, "")
    actual = f"WWW-Authenticate was {answer.headers.get('www-authenticate', 'absent')!r}"
    expect(value, f"{name} in the challenge", actual, answer)
    return value


def _expect_metadata(ctx: Context) -> None:
    url = _expect_parameter(ctx.guarded(token=None), "resource_metadata")
    named = ctx.http.send("GET", url, headers={"accept": "application/json"})
    found = named.status == 200 and bool(named.json.get("resource"))
    expect(found, "protected resource metadata at the URL in the challenge", named.summary(), named)
