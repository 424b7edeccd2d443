"""Generated requests: what nobody would think of writing down, at the endpoints that take most of what they are sent.

Scopes are generated in `scope_escalation`, verifiers in `pkce`, refresh tokens in `refresh`, sequences in `lifecycle`.
"""

from __future__ import annotations

import re
import string
from typing import Any

from hypothesis import strategies as st

from harness import Context, expect, expect_no_wider_scope, for_all, scenario
from harness.capability import AUTHORIZATION_CODE, PRIVATE_KEY_JWT, REGISTRATION, TOKEN_EXCHANGE
from harness.context import ACCESS_TOKEN_TYPE
from harness.delegation import names_of_agent
from harness.exchange import Answer
from harness.flows import Tokens
from harness.http import origin_of
from harness.keys import claims_of
from harness.verdict import Blocked
from scenarios.authorization_server.exchanged_token import TOLERANCE
from scenarios.authorization_server.redirect_uri_variants import expect_kept_out

LONG_AGO = -3_600
"""Seconds; by then even a generous leeway is over."""
ELSEWHERE = "https://assay.example/mcp"
UNKNOWN_SCOPE = "urn:mcp-assay:no-such-scope"
JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt"
TOKEN_TYPES = (
    ACCESS_TOKEN_TYPE,
    JWT_TYPE,
    "urn:ietf:params:oauth:token-type:refresh_token",
    "urn:mcp-assay:no-such-type",
)
TEXTS = (
    "client_name", "client_uri", "logo_uri", "scope", "token_endpoint_auth_method", "jwks_uri", "application_type",
    "software_id", "software_version",
)  # fmt: skip
LISTS = ("redirect_uris", "grant_types", "response_types", "contacts")

_SIGNS = string.printable + "\0\x7fäß€漢\u202e\u2028\ufeff\U0001f512"
"""What texts are made of: all of Unicode would cost every run a table of 200 MB."""
_WORDS = st.text(string.ascii_lowercase, min_size=1, max_size=8).map("assay-{}".format)
_ODD = st.one_of(st.none(), st.booleans(), st.lists(_WORDS, max_size=2), st.dictionaries(_WORDS, _WORDS, max_size=1))
_NO_TEXT = st.one_of(
    st.booleans(),
    st.integers(-1, 2**40),
    st.lists(st.one_of(st.none(), st.integers(), st.lists(_WORDS, max_size=1)), min_size=1, max_size=3),
    st.dictionaries(st.text(_SIGNS, max_size=5), _WORDS, max_size=2),
)
_FAULTY_CLAIMS = st.one_of(
    st.tuples(st.sampled_from(("iss", "sub", "aud")), st.one_of(_WORDS, _ODD)),
    st.tuples(st.just("exp"), st.one_of(st.integers(-(10**9), LONG_AGO), _WORDS, st.lists(_WORDS, max_size=2))),
)


@scenario("oauth21-2.3.1-1", "rfc9700-2.1-1", needs={AUTHORIZATION_CODE})
@for_all(
    budget=12,
    place=st.floats(0, 1),
    edit=st.sampled_from(("", "{0}{0}", "%{1:02X}", "{0}/", "{0}.", "{0}@", "{0}?", "{0}%00", "{0}\\", "{2}")),
)
def no_edit_of_a_redirect_uri_is_redirected_to(ctx: Context, place: float, edit: str) -> None:
    """A redirect URI that differs from the registered one in a character, wherever it is, is not redirected to.

    Why: each way of reading a URI overlooks something: a case, an encoding, a dot, a slash.
    Remedy: compare redirect URIs as strings, character by character; only the port of a loopback URI may differ.
    """
    registered = ctx.clients.first.redirect_uri
    ctx.require(origin_of(registered), "the client's redirect URI is no http or https URL")
    at = round(place * (len(registered) - 1))
    char = registered[at]
    edited = f"{registered[:at]}{edit.format(char, ord(char), char.swapcase())}{registered[at + 1 :]}"
    if _without_port(edited) != _without_port(registered):
        expect_kept_out(ctx, ctx.clients.first, [edited])


@scenario("rfc7591-3.2.2-1", needs={REGISTRATION})
@for_all(budget=10, name=st.sampled_from((*LISTS, *TEXTS)), value=st.one_of(_NO_TEXT, st.text(_SIGNS, max_size=12)))
def no_document_breaks_the_registration(ctx: Context, name: str, value: Any) -> None:
    """Whatever a member of a registration holds, it is refused with 400 and an error code, or registered in its type.

    Why: who can make the server stumble from outside, without credentials, looks for what else gives way.
    Remedy: check the type of every member before you work with it.
    """
    answer = ctx.register(**{name: value})
    if answer.status in (200, 201):
        _expect_sound(answer)
        return
    if answer.status == 429:
        raise Blocked(f"the target takes no further registration: {answer.summary()}", exchange=answer.exchange)
    held = answer.status in (400, 401, 403) and answer.error
    expect(held, "a registration, or a refusal with 400 and an error code", answer.summary(), answer)


@scenario("rfc7523-3-1", "rfc7523-3-2", "rfc7523-3-3", "rfc7523-3-4", needs={PRIVATE_KEY_JWT})
@for_all(budget=10, faulty=_FAULTY_CLAIMS)
def no_value_of_a_claim_replaces_the_right_one(ctx: Context, faulty: tuple[str, Any]) -> None:
    """A client assertion whose iss, sub, aud or exp has another value or type than the right one gets no token.

    Why: comparisons of loosely typed values hold for more than what they were written for.
    Remedy: check the type of each claim, and then its value; a claim that has the wrong type is no claim.
    """
    client = ctx.clients.keyed
    name, value = faulty
    claims: dict[str, Any] = {name: value}
    answer = ctx.client_credentials(client=client, client_assertion=ctx.assertion(client, **claims))
    expect(not answer.json.get("access_token"), f"no token for another {name}", "a token was issued", answer)
    if answer.status >= 500:
        answer.warn("a refusal with invalid_client", answer.summary())


@scenario("rfc8693-5-1", needs={TOKEN_EXCHANGE}, cost=10)
def no_exchange_request_gives_more_than_the_subject_token(ctx: Context) -> None:
    """Whatever an exchange asks for, its token has no wider scope, no longer life, and is not about the agent.

    Why: scope, resource and token type are each checked somewhere; together they may lead past a check.
    Remedy: work out what the subject token allows first, and what is asked for within that.
    """
    subject = ctx.subject_token()
    agent = names_of_agent(ctx, ctx.exchanged(subject)) - {str(subject.claims.get("sub"))}

    @for_all(
        budget=10,
        scopes=st.none() | st.lists(st.sampled_from(_known_scopes(ctx)), unique=True, max_size=3),
        resource=st.sampled_from((None, ELSEWHERE, *filter(None, (ctx.world.resource, ctx.world.other_resource)))),
        token_type=st.none() | st.sampled_from(TOKEN_TYPES),
    )
    def held(ctx: Context, scopes: list[str] | None, resource: str | None, token_type: str | None) -> None:
        scope = " ".join(scopes) if scopes else None
        answer = ctx.exchange(subject, scope=scope, resource=resource, requested_token_type=token_type)
        issued = answer.json.get("issued_token_type", ACCESS_TOKEN_TYPE)
        if answer.status < 500 and issued in (ACCESS_TOKEN_TYPE, JWT_TYPE):  # what else was issued is for no resource
            expect_no_wider_scope(answer, than=f"{subject.scope} {ctx.world.exchange_scope}")
            _expect_no_more(answer, subject, agent)

    held(ctx)


def _known_scopes(ctx: Context) -> list[str]:
    world = ctx.world
    named = (
        f"{world.narrow_scope} {world.wide_scope} {world.exchange_scope} {world.other_scope} {world.forbidden_scope}"
    )
    return sorted({*named.split(), UNKNOWN_SCOPE})


def _expect_no_more(answer: Answer, subject: Tokens, agent: set[str]) -> None:
    """Judge that an exchanged token, as far as it can be read, ends with the subject's and is not about the agent.

    What else it calls the user is up to the server, which may have a name for each client or resource.
    """
    claims, before = claims_of(str(answer.json.get("access_token"))), subject.claims
    ends, end = claims.get("exp"), before.get("exp")
    if isinstance(ends, int | float) and isinstance(end, int | float):
        late = round(ends - end)
        expect(late <= TOLERANCE, "no longer life than the subject token's", f"it ends {late} s later", answer)
    expect(claims.get("sub") not in agent, "a token about the user", "sub was that of the agent", answer)


def _expect_sound(answer: Answer) -> None:
    """Judge that a registration says what was registered in the types that RFC 7591 section 2 gives it."""
    stated = {name: answer.json[name] for name in ("client_id", *TEXTS, *LISTS) if answer.json.get(name) is not None}
    wrong = [name for name, value in stated.items() if not isinstance(value, list if name in LISTS else str)]
    lists = {name: value for name, value in stated.items() if name in LISTS and isinstance(value, list)}
    wrong += [name for name, value in lists.items() if len(answer.strings(name)) != len(value)]
    actual = f"{', '.join(sorted(set(wrong)))} had another type"
    expect(not wrong, "what was registered, in the types of RFC 7591", actual, answer)
    expect("client_id" in stated, "a client_id", "there was none", answer)


def _without_port(uri: str) -> str:
    return re.sub(r"^([a-z]+://[^/?#@:]*):\d*(?=[/?#]|$)", r"\1", uri)
