"""PKCE: a code is worth nothing without the verifier of the request that it answers (RFC 7636)."""

from __future__ import annotations

import string

from hypothesis import strategies as st

from harness import (
    Context,
    Fault,
    expect_authorization_error,
    expect_oauth_error,
    expect_refused,
    expect_token,
    fault,
    for_all,
    pkce,
    scenario,
)
from harness.capability import AUTHORIZATION_CODE, CONFIDENTIAL_CLIENT, PUBLIC_CLIENT
from harness.flows import grant_of

UNRESERVED = string.ascii_letters + string.digits + "-._~"
RESERVED = " !\"#$%&'()*+,/:;<=>?@[\\]^`{|}"
MALFORMED = st.one_of(
    st.text(UNRESERVED, min_size=1, max_size=42),
    st.text(UNRESERVED, min_size=129, max_size=160),
    st.builds("{}{}".format, st.text(UNRESERVED, min_size=42, max_size=120), st.sampled_from(RESERVED)),
)


IN_FULL = "Accept 43 to 128 characters out of A-Z, a-z, 0-9, hyphen, period, underscore and tilde as code_verifier."
GOOD_VERIFIERS = (
    fault("of-43-characters", "rfc7636-4.1-3", "oauth21-4.1.1-3", remedy=IN_FULL, verifier=f"{UNRESERVED[:42]}~"),
    fault("of-128-characters", "rfc7636-4.1-3", "oauth21-4.1.1-3", remedy=IN_FULL, verifier=(UNRESERVED * 2)[:128]),
    fault("of-marks-alone", "rfc7636-4.1-3", "oauth21-4.1.1-3", remedy=IN_FULL, verifier="-._~" * 16),
)


@scenario("rfc7636-4.6-1", "oauth21-4.1.3-9", "oauth21-4.1.1-3", "rfc9700-2.1.1-4", needs={AUTHORIZATION_CODE})
def a_wrong_verifier_is_refused(ctx: Context) -> None:
    """A code redeemed with another code_verifier is refused with invalid_grant.

    Why: this is what makes a stolen code worthless.
    Remedy: keep code_challenge with the code and compare it with S256(code_verifier) before anything is issued.
    """
    granted = ctx.authorize()
    expect_oauth_error(ctx.redeem(granted, code_verifier=pkce.verifier()), "invalid_grant")


@scenario("oauth21-4.1.3-6", "rfc9700-2.1.1-4", "rfc9700-4.8.2-1", needs={AUTHORIZATION_CODE})
def a_missing_verifier_is_refused(ctx: Context) -> None:
    """A code whose request had a code_challenge is refused when it comes without code_verifier.

    Why: otherwise a thief leaves the verifier out, and PKCE protects nobody.
    Remedy: demand code_verifier whenever a challenge is stored with the code.
    """
    granted = ctx.authorize()
    expect_oauth_error(ctx.redeem(granted, code_verifier=None), "invalid_grant", "invalid_request")


@scenario("rfc7636-4.5-1", "rfc7636-4.4-1", "oauth21-4.1.2-6", "oauth21-4.1.3-9", needs={AUTHORIZATION_CODE})
def the_challenge_is_no_verifier(ctx: Context) -> None:
    """The S256 challenge itself, sent as code_verifier, is refused.

    Why: the challenge travels through the browser, so a thief of the code may have it too.
    Remedy: keep code_challenge_method with the code, and check by that method only.
    """
    granted = ctx.authorize()
    challenge = pkce.challenge(granted.code_verifier)
    expect_oauth_error(ctx.redeem(granted, code_verifier=challenge), "invalid_grant")


@scenario("rfc7636-4.1-2", needs={AUTHORIZATION_CODE})
@for_all(budget=8, verifier=MALFORMED)
def a_malformed_verifier_is_refused(ctx: Context, verifier: str) -> None:
    """A code_verifier that is too short, too long or has other characters is refused, even if it fits the challenge.

    Why: a short verifier can be guessed from its challenge.
    Remedy: accept 43 to 128 characters out of A-Z, a-z, 0-9, hyphen, period, underscore and tilde.
    """
    granted = ctx.authorize(code_challenge=pkce.challenge(verifier))
    answer = ctx.redeem(granted, code_verifier=verifier)
    expect_oauth_error(answer, "invalid_grant", "invalid_request")


@scenario.each(GOOD_VERIFIERS, needs={AUTHORIZATION_CODE})
def a_verifier_at_the_limits_is_accepted(ctx: Context, row: Fault) -> None:
    """A code_verifier that is as short or as long as it may be, or has every character that it may have, is accepted.

    Why: clients choose within these limits, and cannot know that a server has others.
    """
    verifier = row.claims["verifier"]
    granted = ctx.authorize(code_challenge=pkce.challenge(verifier))
    expect_token(ctx.redeem(granted, code_verifier=verifier))


@scenario("rfc9700-4.5.3.1-1", "oauth21-4.1.2-2", "oauth21-4.1.2-6", "rfc7636-4.4-1", needs={AUTHORIZATION_CODE})
def the_verifier_of_another_request_is_refused(ctx: Context) -> None:
    """Of two requests of one client, neither one's code is redeemed with the code_verifier of the other.

    Why: an attacker puts a code of theirs, or one that they stole, into another session of the same client.
    Remedy: keep code_challenge with each code, not with the client or the user's session.
    """
    earlier, later = ctx.authorize(), ctx.authorize()
    crossed = ctx.redeem(earlier, code_verifier=later.code_verifier)
    expect_oauth_error(crossed, "invalid_grant", what="the code_verifier of a later request")
    crossed = ctx.redeem(later, code_verifier=earlier.code_verifier)
    expect_oauth_error(crossed, "invalid_grant", what="the code_verifier of an earlier request")


@scenario("oauth21-4.1.3-6", "rfc9700-2.1.1-4", "rfc9700-4.8.2-1", needs={AUTHORIZATION_CODE})
def an_empty_verifier_is_refused(ctx: Context) -> None:
    """A code_verifier without a value is no code_verifier.

    Remedy: treat parameters without a value as omitted, and demand code_verifier where there was a challenge.
    """
    answer = ctx.redeem(ctx.authorize(), code_verifier="")
    expect_oauth_error(answer, "invalid_grant", "invalid_request", what="an empty code_verifier")


@scenario("oauth21-4.1.2.1-2", "oauth21-3.1-6", needs={PUBLIC_CLIENT})
def an_empty_challenge_is_refused(ctx: Context) -> None:
    """An authorization request of a public client whose code_challenge has no value is refused.

    Why: a server that takes it for a challenge has a code that every code_verifier, or none, may fit.
    Remedy: treat parameters without a value as omitted, and demand code_challenge.
    """
    expect_authorization_error(ctx.send_authorization(code_challenge=""), "invalid_request")


@scenario("rfc7636-4.1-2", needs={AUTHORIZATION_CODE})
def a_malformed_challenge_is_refused(ctx: Context) -> None:
    """A code_challenge that is shorter than any hash, or has characters that no challenge has, is refused.

    Remedy: accept 43 to 128 characters out of A-Z, a-z, 0-9, hyphen, period, underscore and tilde as code_challenge.
    """
    for challenge in ("assay", f"{pkce.challenge('assay')[:-1]}="):
        expect_authorization_error(ctx.send_authorization(code_challenge=challenge), "invalid_request")


@scenario("oauth21-7.5.1.1-1", "oauth21-4.1.1-3", needs={CONFIDENTIAL_CLIENT})
def a_confidential_client_needs_a_challenge_too(ctx: Context) -> None:
    """A request of a confidential client with neither code_challenge nor nonce is refused.

    Why: its secret does not help a client into whose session an attacker puts a stolen code.
    Remedy: demand code_challenge of every client, or of all that do not send a nonce of OpenID Connect.
    """
    landing = ctx.send_authorization(client=ctx.clients.confidential, code_challenge=None, code_challenge_method=None)
    expect_authorization_error(landing, "invalid_request")


@scenario("oauth21-4.1.3-7", needs={AUTHORIZATION_CODE})
def a_code_without_a_challenge_is_worth_nothing(ctx: Context) -> None:
    """A code whose request had no code_challenge is refused, if such a code can be had at all.

    Remedy: refuse the authorization request; failing that, the code.
    """
    request = ctx.authorization_request(code_challenge=None, code_challenge_method=None)
    landing = ctx.send_authorization(request)
    if landing.get("code"):
        answer = ctx.redeem(grant_of(request, landing), code_verifier=None)
        expect_refused(answer, what="a code without a code_challenge")


@scenario("oauth21-4.1.2.1-3", "rfc7636-4.4.1-2", needs={AUTHORIZATION_CODE})
def plain_is_refused_where_it_is_not_supported(ctx: Context) -> None:
    """The code_challenge_method plain is refused by a server that does not publish it.

    Why: a plain challenge is the code_verifier itself, for everybody to read who sees the request.
    Remedy: accept S256 only.
    """
    listed = ctx.metadata.get("code_challenge_methods_supported")
    ctx.require(isinstance(listed, list) and "plain" not in listed, "the target may support plain")
    expect_authorization_error(ctx.send_authorization(code_challenge_method="plain"), "invalid_request")


@scenario("oauth21-4.1.2.1-2", "oauth21-7.5.1.1-1", "rfc7636-4.4.1-1", needs={PUBLIC_CLIENT})
def a_public_client_needs_a_challenge(ctx: Context) -> None:
    """An authorization request of a public client without code_challenge is refused.

    Why: without PKCE, whoever gets hold of a public client's code gets the tokens.
    Remedy: refuse the request with invalid_request when code_challenge is missing.
    """
    landing = ctx.send_authorization(code_challenge=None, code_challenge_method=None)
    expect_authorization_error(landing, "invalid_request")


@scenario("oauth21-4.1.3-6", "rfc9700-2.1.1-5", "rfc9700-4.8.2-1", needs={AUTHORIZATION_CODE})
def a_verifier_without_a_challenge_is_refused(ctx: Context) -> None:
    """A code_verifier is refused for a code whose request had no code_challenge, if such a code can be had at all.

    Why: the challenge may have been stripped from the request by an attacker, and the client cannot know.
    Remedy: remember with the code that there was no challenge, and refuse a code_verifier then.
    """
    request = ctx.authorization_request(code_challenge=None, code_challenge_method=None)
    landing = ctx.send_authorization(request)
    if landing.get("code"):
        expect_refused(ctx.redeem(grant_of(request, landing)), what="a code_verifier without a code_challenge")


@scenario("oauth21-4.1.2.1-3", "rfc7636-4.4.1-2", needs={AUTHORIZATION_CODE})
def an_unknown_challenge_method_is_refused(ctx: Context) -> None:
    """A code_challenge_method that is not supported is refused with invalid_request.

    Remedy: accept the methods that you publish, and nothing else; do not fall back to another one.
    """
    expect_authorization_error(ctx.send_authorization(code_challenge_method="S512"), "invalid_request")


@scenario("rfc7636-4.3-1", needs={AUTHORIZATION_CODE})
def a_challenge_without_method_is_refused(ctx: Context) -> None:
    """A code_challenge without code_challenge_method means plain, which a server without plain refuses.

    Remedy: read an absent method as plain, and refuse it where only S256 is supported.
    """
    listed = ctx.metadata.get("code_challenge_methods_supported")
    ctx.require(isinstance(listed, list) and "plain" not in listed, "the target may support plain")
    expect_authorization_error(ctx.send_authorization(code_challenge_method=None), "invalid_request")
