"""Nobody gets more than was granted: not by asking again, not by another way, not in another's name."""

from operator import add

from hypothesis import strategies as st

from harness import (
    Context,
    expect,
    expect_authorization_error,
    expect_no_code,
    expect_no_wider_scope,
    expect_oauth_error,
    expect_refused,
    for_all,
    granted_scope,
    scenario,
)
from harness.capability import AUTHORIZATION_CODE, LIMITED_USER, REFRESH_TOKENS, REGISTRATION, SCOPES, TOKEN_EXCHANGE
from harness.clients import registered_client
from harness.exchange import Answer
from harness.flows import Tokens, grant_of
from harness.verdict import Blocked, NotApplicable

UNKNOWN = "urn:mcp-assay:no-such-scope"
EXAMPLES = 12


@scenario("oauth21-4.3.1-1", needs={REFRESH_TOKENS, SCOPES}, cost=EXAMPLES)
def no_scope_asked_for_at_refresh_widens_the_grant(ctx: Context) -> None:
    """Whatever scopes a refresh asks for, it gets none beyond the granted ones.

    Why: comparing scopes as strings, by prefix or by count goes wrong for some sets only.
    Remedy: compare the requested and the granted scopes as sets.
    """
    held = _Held(ctx)

    @for_all(budget=EXAMPLES, asked=_scopes(ctx))
    def narrows(ctx: Context, asked: list[str]) -> None:
        answer = ctx.refresh(held.tokens, scope=" ".join(asked))
        expect_no_wider_scope(answer, than=held.scope)
        held.keep(answer)

    narrows(ctx)


@scenario("rfc8693-5-1", needs={TOKEN_EXCHANGE}, cost=EXAMPLES)
def no_scope_asked_for_at_exchange_widens_the_token(ctx: Context) -> None:
    """Whatever scopes an exchange asks for, it gets none beyond those of the subject token.

    Why: an agent that may widen what it was handed does not need the user any more.
    Remedy: intersect the requested scopes with those of the subject token.
    """
    subject = ctx.subject_token()
    than = f"{subject.scope} {ctx.world.exchange_scope}"

    @for_all(budget=EXAMPLES, asked=_scopes(ctx))
    def narrows(ctx: Context, asked: list[str]) -> None:
        expect_no_wider_scope(ctx.exchange(subject, scope=" ".join(asked)), than=than)

    narrows(ctx)


@scenario("rfc9700-2.3-4", needs={LIMITED_USER})
def a_users_rights_limit_what_an_agent_gets(ctx: Context) -> None:
    """A client that asks for a scope which its user has no right to does not get it.

    Why: consent cannot give away what the user does not have.
    Remedy: intersect the requested scope with the user's rights before anything is issued.
    """
    answer = _beyond_rights(ctx)
    if answer is None or answer.status != 200:
        return
    granted = granted_scope(answer)
    ctx.require(granted is not None, "the granted scope cannot be seen")
    beyond = sorted((granted or set()) & set(ctx.world.forbidden_scope.split()))
    expect(not beyond, "nothing that the user has no right to", f"the token has {' '.join(beyond)}", answer)


@scenario("oauth21-1.4.1-1", "rfc6749-3.3-1", needs={LIMITED_USER})
def a_reduced_scope_is_stated(ctx: Context) -> None:
    """When less is granted than was asked for, the token response says what was granted.

    Why: the client cannot look into the token; without this it fails later, and asks the user again.
    Remedy: put scope into every token response.
    """
    answer = _beyond_rights(ctx)
    if answer is None or answer.status != 200:
        raise NotApplicable("the server refuses such a request rather than granting less")
    granted = granted_scope(answer)
    ctx.require(granted is not None, "the granted scope cannot be seen")
    ctx.require(set(ctx.world.forbidden_scope.split()) - (granted or set()), "all that was asked for was granted")
    stated = answer.json.get("scope")
    expect(isinstance(stated, str), "scope in the token response", f"scope was {stated!r}", answer)


@scenario("oauth21-1.4.1-2", needs={AUTHORIZATION_CODE})
def an_omitted_scope_means_a_default(ctx: Context) -> None:
    """A request without scope is served with a default, or refused with invalid_scope.

    Why: MCP clients leave scope out when the server's metadata names none.
    Remedy: configure a default scope; where there is none, answer invalid_scope.
    """
    request = ctx.authorization_request(scope=None)
    landing = ctx.send_authorization(request)
    if landing.get("code"):
        answer = ctx.redeem(grant_of(request, landing))
        if answer.status != 200:
            expect_oauth_error(answer, "invalid_scope")
        return
    if landing.get("error") in ("server_error", "temporarily_unavailable"):
        raise Blocked(f"the request was neither served nor refused: {landing.summary()}")
    expect_authorization_error(landing, "invalid_scope")


@scenario("rfc7591-2-6", needs={REGISTRATION, AUTHORIZATION_CODE, SCOPES})
def a_registered_scope_limits_the_client(ctx: Context) -> None:
    """A client that registered with a scope gets no more than that.

    Why: registration is where an operator, or the user, sees what a client could ever ask for.
    Remedy: store scope with the client and hold each request against it.
    """
    registration = ctx.register(scope=ctx.world.narrow_scope)
    ctx.require(registration.status in (200, 201), "a client cannot register with such a scope")
    registered = str(registration.json.get("scope") or "")
    ctx.require(
        registered and not set(ctx.world.wide_scope.split()) <= set(registered.split()),
        "the server does not register the scope that a client asks for",
    )
    client = registered_client(registration, {"token_endpoint_auth_method": "none"})
    request = ctx.authorization_request(client=client, scope=ctx.world.wide_scope)
    landing = ctx.send_authorization(request)
    if not landing.get("code"):
        expect_no_code(landing)
        return
    expect_no_wider_scope(ctx.redeem(grant_of(request, landing)), than=registered)


@scenario("rfc9700-2.3-4", needs={AUTHORIZATION_CODE, SCOPES})
def a_scope_at_redemption_widens_nothing(ctx: Context) -> None:
    """A scope that comes with the code adds nothing to what the user consented to.

    Why: the user has left by then; nobody would see what the client adds.
    Remedy: take the scope of a token from the code, never from the token request.
    """
    usual = ctx.grant(scope=ctx.world.narrow_scope)
    answer = ctx.redeem(ctx.authorize(scope=ctx.world.narrow_scope), scope=ctx.world.wide_scope)
    ctx.require(answer.status != 200 or granted_scope(answer) is not None, "the granted scope cannot be seen")
    expect_no_wider_scope(answer, than=f"{usual.scope} {ctx.world.narrow_scope}")


class _Held:
    """The refresh token that is the newest; a grant that a refusal ended is replaced by a new one."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.tokens = ctx.refreshable(scope=ctx.world.narrow_scope)
        self.scope = f"{self.tokens.scope} {ctx.world.narrow_scope}"

    def keep(self, answer: Answer) -> None:
        """Go on with the refresh token that an answer brought; after a refusal, see whether the old one still works."""
        if answer.status != 200:
            answer = self._ctx.refresh(self.tokens)
        if answer.status != 200:
            self.tokens = self._ctx.refreshable(scope=self._ctx.world.narrow_scope)
        elif answer.json.get("refresh_token"):
            self.tokens = Tokens(answer, self.tokens.client, self.tokens.site)


def _beyond_rights(ctx: Context) -> Answer | None:
    """Ask for more than the limited user has; return the token response, or None where no code was issued."""
    scope = f"{ctx.world.narrow_scope} {ctx.world.forbidden_scope}"
    request = ctx.authorization_request(login=ctx.target.limited_login, scope=scope)
    landing = ctx.send_authorization(request, login=ctx.target.limited_login)
    if landing.get("code"):
        answer = ctx.redeem(grant_of(request, landing))
        if answer.status != 200:
            expect_refused(answer)
        return answer
    expect_no_code(landing)
    return None


def _scopes(ctx: Context) -> st.SearchStrategy[list[str]]:
    """Sets of scopes: of those that the user and the clients may have, and of others, of which one does not exist."""
    world, listed = ctx.world, ctx.metadata.get("scopes_supported")
    own = [*world.narrow_scope.split(), *world.wide_scope.split()]
    ctx.require(own, "no scope is published, and none is named under [scopes]")
    others = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    others = sorted({*others, *world.forbidden_scope.split(), UNKNOWN} - set(own))
    near = st.lists(st.sampled_from(list(dict.fromkeys(own))), min_size=1, unique=True)
    return st.builds(add, near, st.one_of(st.just([]), st.lists(st.sampled_from(others), max_size=3, unique=True)))
