"""Headers of a proxy that come from outside: they change neither the issuer nor any URL (RFC 9700 section 4.13)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlencode

from harness import Context, Fault, fault, scenario
from harness.browser import FORM
from harness.capability import AUTHORIZATION_CODE, JWT_ACCESS_TOKENS, METADATA
from harness.discovery import candidates
from harness.exchange import Answer
from harness.flows import Grant, authentication, pairs
from harness.http import bare, is_loopback
from harness.keys import claims_of
from harness.markup import markup_of
from harness.verdict import Violation

STRANGER = "assay.example"
CONFIGURED = "Build every URL from the configured issuer; let the proxy overwrite this header, and trust no one else's."

FORGED: Mapping[str, Mapping[str, str]] = {
    "forwarded": {"forwarded": f"for=192.0.2.1;host={STRANGER};proto=https"},
    "x-forwarded-host": {"x-forwarded-host": STRANGER},
    "x-forwarded-proto": {"x-forwarded-proto": "https"},
    "x-forwarded-port": {"x-forwarded-port": "8443"},
    "x-forwarded-prefix": {"x-forwarded-prefix": f"/{STRANGER}"},
    "x-original-host": {"x-original-host": STRANGER, "x-host": STRANGER, "x-forwarded-server": STRANGER},
    "host": {"host": STRANGER},
}
HEADERS = tuple(fault(name, "rfc9700-4.13-1", remedy=CONFIGURED) for name in FORGED)
BEHIND_A_PROXY = {name: value for row, headers in FORGED.items() if row != "host" for name, value in headers.items()}
"""All that a proxy would add. A strange Host leads to no server at all where several share an address."""


@scenario.each(HEADERS, needs={METADATA})
def the_metadata_stays_as_it_is(ctx: Context, fault: Fault) -> None:
    """The issuer and the endpoints in the metadata are the same, whatever a header says of the host.

    Why: what one person can change in a document, caches may hand to everybody.
    """
    issuer = ctx.home.tenant.authorization_server
    headers = dict(FORGED[fault.name])
    if "x-forwarded-proto" in headers and issuer.startswith("https:"):
        headers["x-forwarded-proto"] = "http"
    fetched = {url: _metadata(ctx, url) for url in candidates(issuer)}
    documents = {url: answer.json for url, answer in fetched.items() if answer.status == 200 and answer.json}
    ctx.require(documents, "the metadata is not served to a request with a query")
    for url, document in documents.items():
        answer = _metadata(ctx, url, headers)
        if answer.status != 200 or not answer.json:
            continue  # to refuse such a request is right
        changed = [name for name in document if _is_address(name) and answer.json.get(name) != document[name]]
        followed = [name for name in changed if _follows(str(answer.json.get(name)), headers)]
        if followed:
            shown = ", ".join(f"{name} {answer.json.get(name)!r}" for name in followed[:2])
            actual = f"with {fault.name}, the metadata has {shown}"
            _judge(ctx, "the same issuer and endpoints", actual, answer, asked_for=fault.name == "host")


@scenario("rfc9700-4.13-1", needs={AUTHORIZATION_CODE})
def redirects_lead_where_they_did(ctx: Context) -> None:
    """An authorization request with the headers of a proxy sends the browser nowhere else than without them.

    Why: a login page at an address of the attacker's is the best phishing page there is.
    Remedy: build the URLs of redirects from the configured issuer.
    """
    request = ctx.authorization_request()
    answer = ctx.new_browser().send("GET", request.url, headers=BEHIND_A_PROXY)
    strange = [place for place in (answer.location, *markup_of(answer).links) if STRANGER in place]
    if strange:
        _judge(ctx, "redirects and links that do not follow the header", f"one leads to {bare(strange[0])}", answer)


@scenario("rfc9700-4.13-1", needs={JWT_ACCESS_TOKENS})
def tokens_name_the_same_issuer(ctx: Context) -> None:
    """The tokens for a request with the headers of a proxy name the same issuer as all others.

    Why: a token whose issuer somebody can choose may be believed where another issuer is trusted.
    Remedy: take iss from the configuration.
    """
    answer = _redeemed(ctx, ctx.authorize())
    claims = claims_of(str(answer.json.get("access_token")))
    ctx.require(answer.status == 200 and claims, f"such a request is refused: {answer.summary()}")
    named = claims.get("iss")
    if named != ctx.home.issuer and _follows(str(named), BEHIND_A_PROXY):
        _judge(ctx, f"iss {ctx.home.issuer}", f"iss was {named!r}", answer)


def _metadata(ctx: Context, url: str, headers: Mapping[str, str] = MappingProxyType({})) -> Answer:
    """Fetch metadata in such a way that no cache on the way hands the answer to anybody else."""
    own = f"{url}?assay={secrets.token_hex(4)}"
    return ctx.http.send("GET", own, headers={"accept": "application/json", **headers})


def _redeemed(ctx: Context, grant: Grant) -> Answer:
    """Redeem a code by a request with the headers of a proxy."""
    headers, credentials = authentication(ctx, grant.client, grant.site)
    form = {
        "grant_type": "authorization_code",
        "code": grant.code,
        "redirect_uri": grant.redirect_uri or None,
        "code_verifier": grant.code_verifier,
        "resource": grant.resource or None,
        **credentials,
    }
    headers = {"content-type": FORM, "accept": "application/json", **headers, **BEHIND_A_PROXY}
    return ctx.http.send("POST", grant.site.endpoint("token"), headers=headers, content=urlencode(pairs(form, {})))


def _judge(ctx: Context, expected: str, actual: str, answer: Answer, *, asked_for: bool = False) -> None:
    """A violation; a warning on loopback, where whoever asks may stand where the server's own proxy would.

    A warning for Host as well: a server of many names calls itself by the one that it is asked for.
    """
    if not (asked_for or is_loopback(ctx.home.tenant.authorization_server)):
        raise Violation(expected, actual, answer.exchange)
    answer.warn(expected, f"{actual}: right only where a proxy in front of it makes sure of what the header says")


def _follows(url: str, headers: Mapping[str, str]) -> bool:
    """Whether a URL has what the headers say: a strange host can lead to another server, which publishes its own."""
    scheme, port = headers.get("x-forwarded-proto"), headers.get("x-forwarded-port")
    told = (scheme and url.startswith(f"{scheme}:")) or (port and f":{port}/" in f"{url}/")
    return bool(told) or STRANGER in url


def _is_address(member: str) -> bool:
    return member in ("issuer", "jwks_uri") or member.endswith("_endpoint")
