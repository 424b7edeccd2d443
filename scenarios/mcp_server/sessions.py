"""Sessions of the older revisions: an id is neither a credential nor somebody else's to use, and nobody can guess it.

They are asked for in whatever revision the server has them, also where it is judged by one that has none.
"""

from __future__ import annotations

import json
import math
import secrets
import string
from dataclasses import replace

from harness import Context, expect, expect_accepted, expect_refused, scenario
from harness.capability import LIMITED_USER
from harness.exchange import Answer
from harness.http import NotReached
from harness.mcp_calls import SESSION, McpConnection, data_of
from harness.mcp_capability import GOOD_TOKEN, MCP_TENANTS
from harness.mcp_wire import Dialect
from harness.verdict import Blocked, NotApplicable

STRANGER = "mcp-assay-stranger"
IDS = 4
"""How many session ids are compared."""
SECURE_BITS = 48
"""What an id must have at least of bits in which it differs from others: far below what anybody would call secure."""
VISIBLE = set(map(chr, range(0x21, 0x7F)))


@scenario("mcp-security.sessions-3", needs={GOOD_TOKEN})
def another_users_session_is_not_served(ctx: Context) -> None:
    """A request with a good token, in a session that another user opened, is refused.

    Why: whatever the server keeps in the session, and whatever it sends to it, is the other user's.
    Remedy: keep issuer and subject of the token with the session, and answer 404 to everybody else.
    """
    answer = ctx.guarded(token=of_another_user(ctx), within=_session(ctx, ctx.good_token()))
    _expect_not_served(answer, "another user's session")


@scenario("mcp-security.sessions-3", needs={GOOD_TOKEN})
def another_users_session_opens_no_stream(ctx: Context) -> None:
    """The stream of a session is not opened for a good token of another user.

    Why: what the server tells the one user would be heard by the other.
    Remedy: compare the token's user with the session's for GET too.
    """
    token, other = ctx.good_token(), of_another_user(ctx)
    session = _session(ctx, token)
    try:
        with session.listen(ctx.http, token=other) as theirs:
            expect(not theirs.opened, "no stream in another user's session", "it was opened", theirs.answer)
        with session.listen(ctx.http, token=token) as own:
            ctx.require(own.opened, "the MCP server has no stream that is opened by GET")
    except NotReached as fault:  # also behind a proxy that keeps it back until there is more of it
        raise NotApplicable("the MCP server has no stream by GET that begins in time") from fault


@scenario("mcp-security.sessions-1", needs={GOOD_TOKEN})
def a_session_is_not_ended_without_a_token(ctx: Context) -> None:
    """DELETE with the id of a session, and without a token, ends nothing.

    Remedy: validate the token of each request, also of DELETE, before the session is looked up.
    """
    _expect_to_survive(ctx, token=None, who="somebody without a token")


@scenario("mcp-security.sessions-3", needs={GOOD_TOKEN})
def a_session_is_not_ended_by_another_user(ctx: Context) -> None:
    """DELETE with the id of a session, and a good token of another user, ends nothing.

    Remedy: compare the token's user with the session's for DELETE too.
    """
    _expect_to_survive(ctx, token=of_another_user(ctx), who="another user")


@scenario("tenant-7-1", "mcp-security.sessions-1", needs={MCP_TENANTS})
def a_session_lets_nobody_into_its_tenant(ctx: Context) -> None:
    """A token of another tenant is refused in a session of this one.

    Why: a server that takes the tenant from the session serves whoever learns the session's id.
    Remedy: validate each request's token for the resource whose URL was asked for.
    """
    answer = ctx.guarded(token=ctx.mint(at=ctx.other), within=_session(ctx, ctx.good_token()))
    if answer.status != 404:
        expect_refused(answer, what="a token of another tenant in a session of this one")


@scenario("mcp-security.sessions-3", needs={MCP_TENANTS})
def a_session_is_of_no_use_at_another_tenant(ctx: Context) -> None:
    """A session of this tenant is not served at another one's URL, to a token that is good there.

    Remedy: keep the tenant with the session.
    """
    abroad = replace(_session(ctx, ctx.good_token()), url=ctx.other.tenant.mcp_server)
    answer = abroad.send(ctx.http, "tools/list", token=ctx.mint(at=ctx.other))
    _expect_not_served(answer, "another tenant's session")


@scenario("mcp-security.sessions-2", needs={GOOD_TOKEN})
def session_ids_cannot_be_guessed(ctx: Context) -> None:
    """Session ids differ from each other in more than a counter, a clock or a few characters would make them.

    Remedy: make them of at least 128 random bits, from a generator for secrets.
    """
    token = ctx.good_token()
    sessions = [ctx.session(token) for _ in range(IDS)]
    differing = _differing_bits([session.session for session in sessions])
    answer = sessions[-1].send(ctx.http, "tools/list", token=token)
    wanted = f"ids that differ in at least {SECURE_BITS} bits"
    expect(differing >= SECURE_BITS, wanted, f"{IDS} ids differ in about {differing:.0f} bits", answer)


@scenario("mcp-transport.sessions-1", needs={GOOD_TOKEN})
def session_ids_are_visible_ascii(ctx: Context) -> None:
    """A session id holds neither spaces nor anything beyond ASCII.

    Remedy: make session ids of letters and digits.
    """
    session = ctx.session(ctx.good_token())
    strange = sorted(set(session.session) - VISIBLE)
    expect(not strange, "characters from 0x21 to 0x7E", f"also {strange}", None)


@scenario("mcp-security.sessions-2", needs={GOOD_TOKEN})
def a_session_id_of_the_clients_choice_is_not_adopted(ctx: Context) -> None:
    """A handshake that brings a session id of its own begins a session with another id, or none.

    Why: whoever gives a victim's client such an id knows the session in which the victim then works (session fixation).
    Remedy: make the id of a new session yourself; answer 404 to one that you never gave.
    """
    token, chosen = ctx.good_token(), secrets.token_hex(16)
    known = _session(ctx, token)
    headers, body = Dialect(known.revision).initialize()
    answer = ctx.http.send(
        "POST",
        known.url,
        headers={**headers, SESSION: chosen, "authorization": f"Bearer {token}"},
        content=json.dumps(body),
    )
    adopted = answer.status == 200 and answer.headers.get(SESSION) == chosen
    expect(not adopted, "no session with an id that the client chose", "the session has that id", answer)


@scenario("mcp-transport.sessions-2", needs={GOOD_TOKEN})
def a_session_id_in_the_url_is_not_taken(ctx: Context) -> None:
    """A request whose session id stands in the URL alone is no request of that session.

    Why: URLs are kept in logs and histories, and with them the way into the session.
    Remedy: read the session id from the Mcp-Session-Id header only.
    """
    token = ctx.good_token()
    session = _session(ctx, token)
    bare = replace(session, session="")
    without = bare.send(ctx.http, "tools/list", token=token)
    ctx.require(not data_of(without), "requests need no session")
    for name in ("session_id", "sessionId", SESSION):
        answer = bare.send(ctx.http, "tools/list", token=token, query=f"?{name}={session.session}")
        _expect_not_served(answer, f"a session that the query names as {name}")


# -- building blocks -------------------------------------------------------------------------------------------------


def _session(ctx: Context, token: str) -> McpConnection:
    """Open a session with a token, at a server to which a session id means something.

    Raises:
        NotApplicable: there are no sessions, or any id is as good as another, so that it keeps nothing in them.
        Blocked: the session does not work.
    """
    session = ctx.session(token)
    works = session.send(ctx.http, "tools/list", token=token)
    if not data_of(works):
        raise Blocked(f"a session of one's own does not work: {works.summary()}", exchange=works.exchange)
    made_up = replace(session, session=secrets.token_hex(16)).send(ctx.http, "tools/list", token=token)
    ctx.require(not data_of(made_up), "the MCP server serves any session id, and keeps nothing in sessions")
    return session


def of_another_user(ctx: Context) -> str:
    """Return a good token of somebody else.

    Raises:
        NotApplicable: there is none to be had.
    """
    if ctx.home.tenant.signer:
        token = ctx.mint(sub=STRANGER)
    elif ctx.offers(LIMITED_USER):
        token = ctx.grant(login=ctx.target.limited_login, scope=ctx.world.narrow_scope).access_token
    else:
        raise NotApplicable("no second user is known: describe limited_login, or let the server trust the sandbox")
    answer = ctx.mcp_request(token=token)
    ctx.require(data_of(answer), f"another user may not use the MCP server at all: {answer.summary()}")
    return token


def _expect_not_served(answer: Answer, what: str) -> None:
    """Refused, or as if there were no such session; an error that JSON-RPC tells with status 200 is a refusal too."""
    data = data_of(answer)
    expect(not data, f"nothing to come of {what}", f"{data} came: {answer.summary()}", answer)
    if answer.status not in (200, 404, 405):
        expect_refused(answer, what=what)


def _expect_to_survive(ctx: Context, *, token: str | None, who: str) -> None:
    own = ctx.good_token()  # one for all: a session may be one token's alone
    session = _session(ctx, own)
    ended = session.request(ctx.http, "DELETE", token=token)
    after = session.send(ctx.http, "tools/list", token=own)
    expect(after.status != 404, f"the session to go on after DELETE by {who}", f"it is gone: {after.summary()}", ended)
    expect_accepted(after, what="the owner's own request")


def _differing_bits(ids: list[str]) -> float:
    """Return about how many bits the ids have in the places in which they differ; 0 where two are the same."""
    if len(set(ids)) < len(ids):
        return 0.0
    longest = max(map(len, ids))
    places = sum(len(set(place)) > 1 for place in zip(*(one.rjust(longest) for one in ids), strict=True))
    used = set("".join(ids)) - {"-"}
    if used <= set(string.digits):
        return places * math.log2(10)
    return places * (4.0 if used <= set(string.hexdigits) else 6.0)
