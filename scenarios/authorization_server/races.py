"""Races: what works once is asked for many times at the same instant (OAuth 2.1 sections 4.1.3 and 4.3.1).

A server that looks first and writes later lets two requests through that arrive between the two.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from harness import Context, expect, expect_no_token, expect_token, scenario
from harness.at_once import together
from harness.browser import Landing, find_submission
from harness.capability import (
    AUTHORIZATION_CODE,
    PRIVATE_KEY_JWT,
    PUBLIC_CLIENT,
    REFRESH_TOKENS,
    REGISTRATION,
    REVOCATION,
    SECOND_CLIENT,
)
from harness.exchange import Answer
from harness.flows import AuthorizationRequest, Tokens, grant_of
from harness.target import REDIRECT_URI
from harness.verdict import Blocked

WIDTH, ROUNDS = 6, 3
"""How many requests are sent at the same instant, and how often: one round may miss."""
FEW = 3
"""How many things are changed at the same instant, where each of them costs a login or a registration."""
ONE_WINNER = "one token response at most"


@scenario("oauth21-4.1.3-3", "oauth21-4.1.3-1", needs={AUTHORIZATION_CODE}, cost=ROUNDS * WIDTH)
def one_code_wins_once(ctx: Context) -> None:
    """Of many redemptions of one code at the same instant, one at most is answered with tokens.

    Why: a thief who was quick enough would have tokens of their own, and nobody would notice.
    Remedy: mark the code as used and learn whether it was in one step, such as UPDATE … WHERE used = false.
    """

    def round_of_redemptions() -> list[Answer]:
        granted = ctx.authorize()
        return together(ctx, [partial(ctx.redeem, granted)] * WIDTH)

    at_most_one_wins(round_of_redemptions)


@scenario("oauth21-4.3.1-5", needs={REFRESH_TOKENS, PUBLIC_CLIENT}, cost=ROUNDS * WIDTH)
def one_refresh_token_wins_once(ctx: Context) -> None:
    """Of many refreshes with one token at the same instant, not more than one leads to a refresh token that works.

    Why: rotation notices a thief because only one of two can hold the newest token; here both would.
    Remedy: mark the token as used and learn whether it was in one step; answer a retry with the same new token.
    """
    for _ in range(ROUNDS):
        granted = ctx.refreshable()
        answers = together(ctx, [partial(ctx.refresh, granted)] * WIDTH)
        winners = token_responses(answers)
        newer = {str(answer.json.get("refresh_token") or ""): answer for answer in winners}
        ctx.require({"", granted.refresh_token}.isdisjoint(newer), "refresh tokens are not rotated")
        _expect_a_winner(winners, answers)
        if len(newer) > 1:
            _judge_heirs(ctx, [Tokens(answer, granted.client, granted.site) for answer in newer.values()])
            return


@scenario("rfc7523-3-7", needs={PRIVATE_KEY_JWT}, cost=WIDTH)
def one_assertion_wins_once(ctx: Context) -> None:
    """Where a client assertion works once, one at most of many requests with it at the same instant gets a token.

    Why: whoever reads an assertion on its way is as quick as the client.
    Remedy: store the jti and learn whether it was there in one step, such as INSERT … ON CONFLICT DO NOTHING.
    """
    client = ctx.clients.keyed
    used = ctx.assertion(client)
    ctx.machine_token(client=client, client_assertion=used)
    again = ctx.client_credentials(client=client, client_assertion=used)
    ctx.require(again.status in (400, 401, 403), "a client assertion may be used again")

    def round_of_requests() -> list[Answer]:
        assertion = ctx.assertion(client)
        return together(ctx, [partial(ctx.client_credentials, client=client, client_assertion=assertion)] * WIDTH)

    at_most_one_wins(round_of_requests)


@scenario("oauth21-4.1.2-3", "oauth21-4.1.3-5", needs={SECOND_CLIENT}, cost=WIDTH)
def consents_at_once_are_kept_apart(ctx: Context) -> None:
    """When users consent at the same instant, each client gets its own state and a code that it can redeem.

    Why: a server that keeps what is being decided in one place gives one user's consent to another user's client.
    Remedy: keep what was asked with the page that asks, under a random value that the form brings back.
    """
    ctx.require(ctx.home.tenant.login.method != "manual", "the login is done by a person, who has two hands only")
    clients = (ctx.clients.first, ctx.clients.second)
    requests = [ctx.authorization_request(client=clients[number % 2]) for number in range(FEW)]
    landings = together(ctx, [_last_step(ctx, request) for request in requests])
    coded = all(landing.get("code") for landing in landings)
    ctx.require(coded, "not everybody who consents at the same instant gets a code: the user may have one session only")
    for request, landing in zip(requests, landings, strict=True):
        granted = grant_of(request, landing)
        right = landing.arrived_at(request.client.redirect_uri) and landing.get("state") == request.get("state")
        actual = f"{landing.summary()}, and the state was {'right' if right else 'of another request'}"
        expect(right, "the response of its own request", actual, landing.answer)
        expect_token(ctx.redeem(granted))


@scenario("rfc7009-2-1", "rfc7009-2.2-1", needs={REVOCATION, REFRESH_TOKENS}, cost=WIDTH)
def revocations_at_once_all_count(ctx: Context) -> None:
    """When several refresh tokens are revoked at the same instant, each of them twice, none of them works after that.

    Why: a server that reads all, changes one and writes all back forgets every revocation but the last.
    Remedy: change the one token, rather than a list that holds all of them.
    """
    granted = [ctx.refreshable(client=ctx.clients.revoking) for _ in range(FEW)]
    revocations = [partial(ctx.revoke, item.refresh_token, client=item.client) for item in granted * 2]
    answers = together(ctx, revocations)
    for answer in answers:
        if answer.status != 200:
            answer.warn("200, as the token is over", answer.summary())
    for item, *twice in zip(granted, answers[:FEW], answers[FEW:], strict=True):
        if any(answer.status == 200 for answer in twice):  # else the client was told that the token lives on
            expect_no_token(ctx.refresh(item), what="a refresh with a token that was revoked beside others")


@scenario("rfc7591-3.2.1-2", "rfc7591-3.2.1-5", needs={REGISTRATION}, cost=FEW)
def registrations_at_once_are_kept_apart(ctx: Context) -> None:
    """Clients that register at the same instant get identifiers of their own, for the metadata that each of them sent.

    Why: with another's redirect URIs under one's identifier, codes go to whoever registered at the right moment.
    Remedy: draw each identifier at random, and hold what was sent in the request, nowhere else.
    """
    asked = [f"{REDIRECT_URI}/{secrets.token_hex(4)}" for _ in range(FEW)]
    answers = together(ctx, [partial(ctx.register, redirect_uris=[uri]) for uri in asked])
    done = [(sent, answer) for sent, answer in zip(asked, answers, strict=True) if answer.status in (200, 201)]
    ctx.require(len(done) > 1, "less than two registrations at the same instant are let through")
    different = len({str(answer.json.get("client_id")) for _, answer in done})
    if different < len(done):
        done[-1][1].warn("an identifier for each client", f"{different} identifiers for {len(done)} clients")
    for sent, answer in done:
        found = answer.strings("redirect_uris")
        foreign = {uri for uri, _ in done} - {sent}
        expect(foreign.isdisjoint(found), "the redirect URI that it sent", f"redirect_uris was {found!r}", answer)


def token_responses(answers: Sequence[Answer]) -> list[Answer]:
    """Return the token responses among answers, those with the same tokens once."""
    found = {_tokens_in(answer): answer for answer in answers if is_token_response(answer)}
    return list(found.values())


def is_token_response(answer: Answer) -> bool:
    """Whether an answer has an access token."""
    return answer.status == 200 and bool(answer.json.get("access_token"))


def _tokens_in(answer: Answer) -> tuple[str, str]:
    return str(answer.json["access_token"]), str(answer.json.get("refresh_token"))


def at_most_one_wins(play: Callable[[], list[Answer]]) -> None:
    """Play some rounds, in each of which one request at most may be answered with tokens.

    That many are answered with the same tokens is noted only: it is one token response, sent again.
    """
    for _ in range(ROUNDS):
        answers = play()
        winners = token_responses(answers)
        _expect_a_winner(winners, answers)
        actual = f"{len(winners)} of {WIDTH} requests at the same instant were answered with tokens of their own"
        expect(len(winners) == 1, ONE_WINNER, actual, winners[-1])
        same = [answer for answer in answers if is_token_response(answer)]
        if len(same) > 1:
            same[-1].warn(ONE_WINNER, f"{len(same)} of {WIDTH} requests were answered with the same tokens")


def _expect_a_winner(winners: Sequence[Answer], answers: Sequence[Answer]) -> None:
    if not winners:
        raise Blocked(
            f"of {WIDTH} requests at the same instant none was served: {answers[-1].summary()}",
            "let the target serve several requests at a time",
            answers[-1].exchange,
        )


def _judge_heirs(ctx: Context, heirs: Sequence[Tokens]) -> None:
    """Judge that one refresh token led to several: where it is no grace for a retry, one of them at most may work."""
    last = heirs[-1].answer
    won = f"{len(heirs)} of {WIDTH} refreshes at the same instant each gave a new refresh token"
    alive = [heir for heir in heirs if is_token_response(ctx.refresh(heir))]
    if has_a_grace(ctx):
        last.warn(ONE_WINNER, f"{won}; a rotated token goes on working for a while")
        return
    expect(len(alive) <= 1, ONE_WINNER, f"{won}, of which {len(alive)} work", last)
    last.warn(ONE_WINNER, f"{won}, of which {len(alive)} work")


def has_a_grace(ctx: Context) -> bool:
    """Whether a refresh token works again right after it was used, one request after the other."""
    granted = ctx.refreshable()
    ctx.refreshed(granted)
    return is_token_response(ctx.refresh(granted))


def _last_step(ctx: Context, request: AuthorizationRequest) -> Callable[[], Landing]:
    """Go as far as the last page on the way, and return what answers it; without any page, what asks for the code."""
    login = request.site.tenant.login
    browser = ctx.new_browser()
    if not login.pages:
        return partial(ctx.send_authorization, request, browser=browser)
    page = ctx.send_authorization(request, login=replace(login, pages=login.pages[:-1]), browser=browser).answer
    if find_submission(page, login.pages[-1:]) is None:
        return partial(ctx.send_authorization, request, browser=ctx.new_browser())
    clients = (request.client.redirect_uri,)
    return partial(browser.carry_on, page, clients=clients, pages=login.pages)
