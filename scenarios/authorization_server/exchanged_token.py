"""What comes of an exchange: a token about the user, for the agent, that is worth no more (RFC 8693)."""

from __future__ import annotations

from urllib.parse import urlsplit

from harness import Context, Fault, expect, expect_refused, fault, granted_audience, granted_scope, scenario
from harness.capability import (
    EXCHANGE_KEEPS_AUDIENCE,
    JWT_ACCESS_TOKENS,
    LIMITED_USER,
    OTHER_RESOURCE,
    SCOPES,
    TOKEN_EXCHANGE,
)
from harness.delegation import REFRESH_TOKEN_TYPE, exchange_minted, names_of_agent, require_minted
from harness.exchange import Answer
from harness.flows import Tokens, grant_of

TOLERANCE = 10
"""Seconds by which an end may be later: clocks are rounded, and requests take their time."""

SOON = 60
"""Seconds until the end of a token that is minted to end soon."""

OTHER_AUDIENCES = (
    fault(
        "by-its-resource",
        "rfc8693-5-1",
        remedy="Compare resource with what the client may reach on behalf of others, not only with what you know.",
        resource=lambda _own, other: other,
    ),
    fault(
        "by-its-audience",
        "rfc8693-5-1",
        remedy="Hold audience against the same list as resource: it is another name for the same thing.",
        resource=None,
        audience=lambda _own, other: other,
    ),
    fault(
        "beside-its-own",
        "rfc8693-5-1",
        remedy="Check each resource of a request, not only the first.",
        resource=lambda own, other: [own, other],
    ),
)


@scenario("rfc8693-2.1-10", needs={TOKEN_EXCHANGE})
def the_user_stays_the_subject(ctx: Context) -> None:
    """The token that an agent gets for a user's token is about the user, and not about the agent.

    Why: a token in the agent's own name carries the agent's rights, and no log shows for whom it acted.
    Remedy: take sub from the subject token; the agent goes into act and client_id.
    """
    subject = ctx.subject_token()
    issued = ctx.exchanged(subject)
    user, named = subject.known.get("sub"), issued.known.get("sub")
    ctx.require(user and (named or issued.claims), "whom the two tokens are about cannot be seen")
    own = named != user and (named is None or named in names_of_agent(ctx, issued))
    ctx.require(named == user or own, "the same user has another sub in each token")
    expect(named == user, f"sub {user!r}", f"sub was {named!r}", issued.answer)


@scenario("rfc8693-2.1-10", needs={TOKEN_EXCHANGE, LIMITED_USER})
def two_users_stay_two(ctx: Context) -> None:
    """The tokens that one agent gets for two users are about two.

    Remedy: take sub from the subject token of this very request; keep nothing by client.
    """
    second = ctx.exchanged(ctx.subject_token(login=ctx.target.limited_login))
    one, another = ctx.exchanged(ctx.subject_token()).known.get("sub"), second.known.get("sub")
    ctx.require(one and another, "whom the tokens of an exchange are about cannot be seen")
    expect(one != another, "another sub for another user", f"sub was {one!r} for both", second.answer)


@scenario("rfc8693-4.3-1", needs={TOKEN_EXCHANGE, JWT_ACCESS_TOKENS})
def the_client_that_asked_is_named(ctx: Context) -> None:
    """The claim client_id of an exchanged token, where it has one, names the client that exchanged.

    Why: by client_id a resource server tells agents apart; with that of the user's client, they all look like it.
    Remedy: take client_id from client authentication, not from the subject token.
    """
    issued = ctx.exchanged(ctx.subject_token())
    named, agent = issued.claims.get("client_id"), ctx.clients.exchanger.client_id
    ctx.require(named is not None, "the tokens of an exchange have no client_id")
    expect(named == agent, f"client_id {agent!r}", f"client_id was {named!r}", issued.answer)


@scenario("rfc8693-4.2-1", needs={TOKEN_EXCHANGE, JWT_ACCESS_TOKENS})
def its_scope_is_one_text(ctx: Context) -> None:
    """The claim scope of an exchanged token, where it has one, is a text in which spaces part the scopes.

    Remedy: write scope as one string, as in the token response; a list is read by nobody who follows the RFC.
    """
    issued = ctx.exchanged(ctx.subject_token())
    scope = issued.claims.get("scope")
    ctx.require(scope is not None, "the tokens of an exchange have no claim scope")
    expect(isinstance(scope, str), "scope as a text", f"scope was {scope!r}", issued.answer)


@scenario("rfc8693-2.2.1-3", needs={TOKEN_EXCHANGE})
def less_scope_than_was_asked_for_is_stated(ctx: Context) -> None:
    """Where an exchange gives another scope than was asked for, or than the subject token has, its answer says which.

    Why: the agent cannot look into the token; without this it fails at the service, and nobody knows why.
    Remedy: put scope into the answer to every exchange.
    """
    subject = _widest_subject(ctx)
    held = granted_scope(subject.answer) or set(subject.scope.split())
    narrowed = 0
    for asked in (None, " ".join(sorted(held)) or None, _everything(ctx) or None):
        answer = ctx.exchange(subject, scope=asked)
        granted = granted_scope(answer) if answer.status == 200 else None
        if granted is None or granted == (set(asked.split()) if asked else held):
            continue
        narrowed += 1
        stated = answer.json.get("scope")
        expect(isinstance(stated, str), f"scope {' '.join(sorted(granted))!r}", f"scope was {stated!r}", answer)
    ctx.require(narrowed, "no exchange gave less scope than was asked for")


@scenario("rfc8693-2.2.1-4", needs={TOKEN_EXCHANGE})
def its_lifetime_is_stated(ctx: Context) -> None:
    """The answer to an exchange says for how long the token is good.

    Remedy: return expires_in, in seconds, with every token.
    """
    answer = ctx.exchanged(ctx.subject_token()).answer
    lifetime = answer.json.get("expires_in")
    good = isinstance(lifetime, int) and not isinstance(lifetime, bool) and lifetime > 0
    expect(good, "expires_in as a number of seconds", f"expires_in was {lifetime!r}", answer)


@scenario("rfc8693-3-1", needs={TOKEN_EXCHANGE})
def its_type_is_a_uri(ctx: Context) -> None:
    """What was issued is named by a URI, such as those that are registered for token types.

    Remedy: return urn:ietf:params:oauth:token-type:access_token as issued_token_type, not a word of your own.
    """
    answer = ctx.exchanged(ctx.subject_token()).answer
    named = answer.json.get("issued_token_type")
    ctx.require(isinstance(named, str), "the answer has no issued_token_type")
    expect(urlsplit(str(named)).scheme, "a URI", f"issued_token_type was {named!r}", answer)


@scenario("rfc8693-2.2.1-2", needs={TOKEN_EXCHANGE})
def a_refresh_token_is_not_called_a_bearer_token(ctx: Context) -> None:
    """A client that asks for a refresh token is refused, or gets one whose token_type is N_A.

    Why: a client that is told Bearer shows the token to services, which must never see it.
    Remedy: answer with token_type N_A what is no access token.
    """
    answer = ctx.exchange(ctx.subject_token(), requested_token_type=REFRESH_TOKEN_TYPE)
    if answer.status != 200:
        expect_refused(answer)
        return
    if answer.json.get("issued_token_type") == REFRESH_TOKEN_TYPE:
        kind = answer.json.get("token_type")
        expect(str(kind).upper() == "N_A", "token_type N_A", f"token_type was {kind!r}", answer)


@scenario("rfc8693-5-1", needs={TOKEN_EXCHANGE})
def it_ends_with_the_subject_token(ctx: Context) -> None:
    """A token that was got by exchange ends no later than the token that it was got for.

    Why: an agent that is handed a token for a minute would otherwise have one for an hour.
    Remedy: let the new token end at the end of the subject token, if that comes before its own.
    """
    if ctx.home.tenant.signer:
        answer = exchange_minted(ctx, exp=SOON)
        require_minted(answer, ctx)
        last = ctx.now() + SOON
    else:
        subject = ctx.subject_token()
        answer, last = ctx.exchanged(subject).answer, _end(ctx, subject.answer) or 0
        ctx.require(last, "nothing says how long a user's token lives")
    end = _end(ctx, answer)
    ctx.require(end is not None, "nothing says how long a token got by exchange lives")
    late = round((end or 0) - last)
    expect(late <= TOLERANCE, "an end no later than the subject token's", f"it was {late} seconds later", answer)


@scenario.each(OTHER_AUDIENCES, needs={EXCHANGE_KEEPS_AUDIENCE, OTHER_RESOURCE, SCOPES})
def it_is_for_no_further_service(ctx: Context, row: Fault) -> None:
    """An agent that may reach one service only gets no token for another one."""
    subject = ctx.subject_token(scope=" ".join({*ctx.world.exchange_scope.split(), *ctx.world.wide_scope.split()}))
    own, other = ctx.world.resource, ctx.world.other_resource
    asked = {name: value(own, other) if callable(value) else value for name, value in row.claims.items()}
    answer = ctx.exchange(subject, **asked)
    if answer.status != 200:
        expect_refused(answer)
        return
    audience = granted_audience(answer)
    ctx.require(audience is not None, "the audience of such a token cannot be seen")
    actual = f"aud was {sorted(audience or ())}"
    expect(other not in (audience or ()), "no token for the other service", actual, answer)


def _widest_subject(ctx: Context) -> Tokens:
    """Return a user's token with as much scope as there is to be had, of which the agent may have a part only."""
    request = ctx.authorization_request(scope=_everything(ctx) or None)
    landing = ctx.send_authorization(request)
    if landing.get("code"):
        answer = ctx.redeem(grant_of(request, landing))
        if "access_token" in answer.json:
            return Tokens(answer, request.client, request.site)
    return ctx.subject_token()


def _everything(ctx: Context) -> str:
    world = ctx.world
    return " ".join(dict.fromkeys(f"{world.exchange_scope} {world.wide_scope} {world.forbidden_scope}".split()))


def _end(ctx: Context, answer: Answer) -> float | None:
    """Return when the token of an answer ends, in seconds since the epoch, as it or the answer says."""
    end = Tokens(answer, ctx.clients.exchanger, ctx.home).claims.get("exp")
    if isinstance(end, int | float):
        return end
    lifetime = answer.json.get("expires_in")
    return ctx.now() + lifetime if isinstance(lifetime, int | float) else None
