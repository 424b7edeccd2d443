"""What scenarios do to the issuer that the MCP server trusts: they add keys to it, and let it fail for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.mcp_calls import message_of
from harness.verdict import Blocked, NotApplicable

if TYPE_CHECKING:
    from harness.context import Context
    from harness.exchange import Answer
    from harness.target import IssuerControl

STEP = 1.0
"""Seconds between two requests while something is waited for."""


class AdditionalKey:
    """A key that the issuer publishes beside its own, until the end of the `with` block or until it is withdrawn.

    The issuer's own keys stay as they are, so that all other tokens stay good, in this run and in later ones.

    Attributes:
        kid: what the issuer calls it.
    """

    def __init__(self, ctx: Context, alg: str) -> None:
        self._issuer = issuer_of(ctx)
        self._published = True
        self.kid = self._issuer.publish_key(alg)

    def withdraw(self) -> None:
        """Have it published no longer; nothing happens the second time."""
        if self._published:
            self._published = False
            self._issuer.withdraw_key(self.kid)

    def __enter__(self) -> AdditionalKey:
        return self

    def __exit__(self, *_: object) -> None:
        self.withdraw()


def issuer_of(ctx: Context) -> IssuerControl:
    """Return the issuer that the MCP server trusts, to be told what to do.

    Raises:
        NotApplicable: nobody can tell it anything.
    """
    control = ctx.target.home.issuer_control
    if control is None:
        raise NotApplicable("the issuer that the MCP server trusts cannot be told what to do")
    return control


def served(answer: Answer) -> bool:
    """Tell whether a request was let in and answered, rather than with an error of JSON-RPC."""
    return answer.status == 200 and "error" not in message_of(answer)


def show_good_token(ctx: Context) -> None:
    """Let the MCP server see a good token, so that it knows its issuer's keys.

    Raises:
        Blocked: it refuses it.
    """
    answer = ctx.guarded(token=ctx.mint())
    if not served(answer):
        raise Blocked(f"a token that should be good was refused: {answer.summary()}", exchange=answer.exchange)


def eventually(ctx: Context, ask: Callable[[], Answer], holds: Callable[[Answer], bool], within: float) -> Answer:
    """Ask until an answer is as it should be, for so many seconds at most, and return the last one.

    Where the target's clock can be moved, it is asked at once and when the time is over, and nobody waits.
    """
    answer = ask()
    if holds(answer) or not within:
        return answer
    if ctx.target.clock:
        ctx.clock.advance(within)
        return ask()
    end = time.monotonic() + within
    while not holds(answer) and (left := end - time.monotonic()) > 0:
        ctx.http.wire.stop.wait(min(STEP, left))
        answer = ask()
    return answer


@contextmanager
def outage(ctx: Context, *, drop: bool = False) -> Iterator[None]:
    """Let the issuer's keys and metadata be out of reach until the end of the block.

    Its other endpoints, such as introspection, go on working. Nobody waits meanwhile where a server asks to come later.

    Args:
        ctx: the scenario's context.
        drop: whether connections are cut in the place of an answer with status 503.
    """
    issuer = urlsplit(ctx.home.issuer).path.rstrip("/")
    kinds = ("oauth-authorization-server", "openid-configuration")
    paths = (jwks_path(ctx), f"{issuer}/.well-known/", *(f"/.well-known/{kind}{issuer}" for kind in kinds))
    ctx.http.patient = False
    try:
        with issuer_of(ctx).outage(paths, drop=drop):
            yield
    finally:
        ctx.http.patient = True


def fetches_of_keys(ctx: Context, work: Callable[[], object]) -> int:
    """Return how often the issuer's keys were asked for while something was done."""
    path, start = jwks_path(ctx), ctx.now()
    work()
    return issuer_of(ctx).fetches(path, start)


def jwks_path(ctx: Context) -> str:
    """Return the path of the issuer's `jwks_uri`.

    Raises:
        Blocked: the metadata holds none.
    """
    url = ctx.home.metadata.get("jwks_uri")
    if not isinstance(url, str):
        raise Blocked("the metadata of the issuer that the MCP server trusts holds no jwks_uri")
    return urlsplit(url).path
