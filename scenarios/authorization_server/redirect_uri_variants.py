"""Redirect URIs that resemble a registered one: a table, how each is made, and how it is judged (OAuth 2.1, 4.1.1)."""

from __future__ import annotations

from posixpath import normpath
from typing import Any
from urllib.parse import unquote, urlsplit

from harness import Context, Fault, expect, fault
from harness.browser import Landing
from harness.http import is_loopback, origin_of
from harness.target import OAuthClient
from harness.verdict import Blocked

STRANGE_URI = "https://attacker.example/callback"
EXACT = (
    "oauth21-2.3.1-1",
    "oauth21-4.1.1-4",
    "rfc6749-3.1.2.3-2",
    "rfc9700-2.1-1",
    "rfc9700-4.1.3-1",
    "mcp-security.redirect-1",
)
NOWHERE = ("oauth21-2.3.5-1", "rfc6749-3.1.2.4-1", "rfc9700-2.1-2", "rfc9700-4.11.2-1")
TWINS = str.maketrans("aceopxy", "\u0430\u0441\u0435\u043e\u0440\u0445\u0443")
"""Latin letters, and the Cyrillic ones that look the same."""

AS_IT_IS = "Compare the redirect URI as it was sent, character by character; do not change the case of any part first."
PORTS = "Compare the port too; it may differ only where the host is a loopback address."
USERS = "Compare the whole URI as a string: what stands before an @ is a user, and no host."
PATHS = "Compare the whole path; neither a beginning nor a folder of the registered one will do."
UNRESOLVED = "Compare the redirect URI before any dot segment is resolved; browsers resolve it after the check."
UNDECODED = "Compare the redirect URI without decoding percent signs once more, and without trimming it."
QUERIES = "Compare query and fragment too; nothing may be added to a registered redirect URI."
HOSTS = "Compare the whole host name as a string: no beginning, no end, no pattern and no converted form of it will do."
SCHEMES = "Compare the scheme too, and accept only redirect URIs that are registered word for word."
ONCE = "Refuse a request that names its redirect URI more than once, or treat it as one that is not registered."
LOOPBACK = "Compare loopback redirect URIs as strings but for the port, which is digits between host and path."


def _variant(name: str, form: str | tuple[str, ...], remedy: str, *, named: bool = False, **more: Any) -> Fault:
    """Write one row; `named` is for what makes sense only where the host has a name of its own."""
    return fault(name, *EXACT, *NOWHERE, *more.pop("cited", ()), remedy=remedy, form=form, named=named)


VARIANTS = (
    _variant("scheme-in-capitals", "{SCHEME}://{netloc}{path}", AS_IT_IS),
    _variant("host-in-capitals", "{scheme}://{NETLOC}{path}", AS_IT_IS, named=True),
    _variant("path-in-capitals", "{scheme}://{netloc}{PATH}", AS_IT_IS),
    _variant("another-port", "{scheme}://{address}:8443{path}", PORTS, named=True),
    _variant("the-default-port-written-out", "{scheme}://{address}:443{path}", PORTS, named=True),
    _variant("an-empty-port", "{scheme}://{address}:{path}", PORTS, named=True),
    _variant("a-user-before-the-host", "{scheme}://assay@{netloc}{path}", USERS),
    _variant("the-host-as-user", "{scheme}://{netloc}@attacker.example{path}", USERS),
    _variant("a-backslash-before-the-host", "{scheme}://attacker.example\\@{netloc}{path}", USERS),
    _variant("a-fragment-before-the-host", "{scheme}://attacker.example#@{netloc}{path}", USERS),
    _variant("a-folder-below", "{uri}/assay", PATHS),
    _variant("a-longer-name", "{uri}assay", PATHS),
    _variant("a-shorter-name", "{shorter}", PATHS),
    _variant("a-slash-at-the-end", "{uri}/", PATHS),
    _variant("the-folder-alone", "{scheme}://{netloc}{folder}/", PATHS),
    _variant("a-neighbour", "{scheme}://{netloc}{folder}/assay", PATHS),
    _variant("no-path", "{scheme}://{netloc}", PATHS),
    _variant("a-path-parameter", "{uri};assay", PATHS),
    _variant("a-doubled-slash", "{scheme}://{netloc}/{path}", PATHS),
    _variant("path-traversal", "{uri}/../../assay", UNRESOLVED),
    _variant("path-traversal-percent-encoded", "{uri}/%2e%2e/%2e%2e/assay", UNRESOLVED),
    _variant("path-traversal-encoded-twice", "{uri}/%252e%252e/assay", UNRESOLVED),
    _variant("path-traversal-with-backslashes", "{uri}\\..\\..\\assay", UNRESOLVED),
    _variant("path-traversal-with-encoded-slashes", "{uri}/..%2f..%2fassay", UNRESOLVED),
    _variant("a-dot-segment", "{scheme}://{netloc}/.{path}", UNRESOLVED),
    _variant("a-percent-encoded-letter", "{scheme}://{netloc}{coded}", UNDECODED),
    _variant("a-null-byte", "{uri}\0assay", UNDECODED),
    _variant("a-percent-encoded-null-byte", "{uri}%00assay", UNDECODED),
    _variant("a-line-break", "{uri}\r\nAssay-Injected: 1", UNDECODED),
    _variant("a-space-in-front", " {uri}", UNDECODED),
    _variant("an-invisible-sign", "{uri}\u200b", UNDECODED),
    _variant("an-added-query", "{uri}?assay=1", QUERIES),
    _variant("an-empty-query", "{uri}?", QUERIES),
    _variant("a-fragment", "{uri}#assay", QUERIES, cited=("rfc6749-3.1.2-1",)),
    _variant("an-empty-fragment", "{uri}#", QUERIES, cited=("rfc6749-3.1.2-1",)),
    _variant("a-subdomain", "{scheme}://assay.{netloc}{path}", HOSTS, named=True),
    _variant("the-domain-above", "{scheme}://{parent}{path}", HOSTS, named=True),
    _variant("a-longer-domain", "{scheme}://{address}.attacker.example{path}", HOSTS),
    _variant("a-domain-with-the-same-end", "{scheme}://attacker-{netloc}{path}", HOSTS, named=True),
    _variant("a-wildcard", "{scheme}://*.{parent}{path}", HOSTS, named=True),
    _variant("a-dot-after-the-host", "{scheme}://{address}.{path}", HOSTS, named=True),
    _variant("a-look-alike-of-the-host", "{scheme}://{twin}{path}", HOSTS, named=True),
    _variant("a-wide-letter-in-the-host", "{scheme}://{wide}{path}", HOSTS, named=True),
    _variant("a-percent-encoded-host", "{scheme}://{coded_host}{path}", HOSTS, named=True),
    _variant("the-other-web-scheme", "{other_scheme}://{netloc}{path}", SCHEMES),
    _variant("an-app-s-own-scheme", "assay.app://{netloc}{path}", SCHEMES),
    _variant("a-script", "javascript:alert(1)//{uri}", SCHEMES),
    _variant("no-scheme", "//{netloc}{path}", SCHEMES),
    _variant("one-slash-after-the-scheme", "{scheme}:/{netloc}{path}", SCHEMES),
    _variant("three-slashes-after-the-scheme", "{scheme}:///{netloc}{path}", SCHEMES),
    _variant("two-in-one-value", f"{{uri}} {STRANGE_URI}", ONCE),
    _variant("repeated-with-the-registered-one-first", ("{uri}", STRANGE_URI), ONCE),
    _variant("repeated-with-the-registered-one-last", (STRANGE_URI, "{uri}"), ONCE),
)

LOOPBACK_VARIANTS = (
    _variant("the-name-localhost", "{scheme}://{other_loopback}{port}{path}", LOOPBACK),
    _variant("the-other-ip-version", "{scheme}://{other_version}{port}{path}", LOOPBACK),
    _variant("another-loopback-address", "{scheme}://127.0.0.2{port}{path}", LOOPBACK),
    _variant("a-short-address", "{scheme}://127.1{port}{path}", LOOPBACK),
    _variant("a-decimal-address", "{scheme}://2130706433{port}{path}", LOOPBACK),
    _variant("another-port-and-path", "{scheme}://{address}:8977/assay", LOOPBACK),
    _variant("another-port-and-a-query", "{scheme}://{address}:8977{path}?assay=1", LOOPBACK),
    _variant("another-port-and-scheme", "https://{address}:8977{path}", LOOPBACK),
    _variant("a-host-behind-the-port", "{scheme}://{address}:8977@attacker.example{path}", LOOPBACK),
    _variant("a-port-that-is-a-name", "{scheme}://{address}:8977.attacker.example{path}", LOOPBACK),
)


def applies(row: Fault, uri: str) -> bool:
    """Whether a row makes sense for a registered redirect URI: some need a host that has a name of its own."""
    host = urlsplit(uri).hostname or ""
    return not row.claims["named"] or not (is_loopback(uri) or _is_number(host))


def made(row: Fault, uri: str) -> list[str]:
    """Return what is sent as `redirect_uri` in place of the registered one: one value, or several."""
    form = row.claims["form"]
    fields = _fields(uri)
    return [part.format(**fields) for part in ([form] if isinstance(form, str) else form)]


def expect_kept_out(ctx: Context, client: OAuthClient, sent: list[str]) -> None:
    """Nobody is sent to a redirect URI that is not registered, and no code is issued for it.

    Args:
        ctx: the context of the scenario.
        client: whose registered redirect URI is not among those that are sent, or not alone.
        sent: the values of `redirect_uri`; several repeat the parameter.

    Raises:
        Violation: the browser was sent there, or a code was issued.
        Blocked: nobody could be asked to open so many links by hand, or the target was asked too often.
    """
    ctx.require(sent != [client.redirect_uri], "it is the registered redirect URI itself")
    if ctx.home.tenant.login.method == "manual":
        raise Blocked("a person would have to open each of these links", "describe the login under [login]")
    landing = ctx.send_authorization(client=client, redirect_uri=sent)
    code = landing.get("code") and not (client.redirect_uri in sent and landing.arrived_at(client.redirect_uri))
    for uri in (item for item in sent if item != client.redirect_uri):
        arrived = was_sent_to(landing, uri, client.redirect_uri)
        expect(not code, f"no code for {uri!a}", landing.summary(), landing.answer)
        expect(not arrived, f"no redirect to {uri!a}", landing.summary(), landing.answer)
    if landing.answer.status == 429:
        raise Blocked(f"not looked at: {landing.summary()}", "slow down with --jobs 1", landing.answer.exchange)
    if landing.answer.status >= 500:
        landing.answer.warn("a page that says what is wrong", landing.summary())


def was_sent_to(landing: Landing, uri: str, registered: str) -> bool:
    """Whether a redirect went to this very URI, as it is or as a browser reads it, with or without parameters."""
    place = _place(uri)
    elsewhere = place[0] and place != _place(registered)
    forms = (uri, f"http:{uri}", f"https:{uri}") if uri.startswith("//") else (uri,)
    for location in landing.redirects:
        if location in forms or location.startswith(tuple(f"{form}{sign}" for form in forms for sign in "?&#")):
            return True
        if elsewhere and _place(location) == place:
            return True
    return False


def _place(uri: str) -> tuple[str, str]:
    """Return origin and path, as they are after everything that is done to a URI on its way."""
    path = unquote(uri.replace("\\", "/")).split("?")[0].split("#")[0].partition("://")[2].partition("/")[2]
    return origin_of(uri), normpath(f"/{path}")


def _fields(uri: str) -> dict[str, str]:
    parts = urlsplit(uri)
    host, scheme = parts.hostname or "", parts.scheme
    path = parts._replace(scheme="", netloc="").geturl()
    folder, _, name = path.rpartition("/")
    address = f"[{host}]" if ":" in host else host
    return {
        "uri": uri,
        "shorter": uri[:-1],
        "scheme": scheme,
        "SCHEME": scheme.upper(),
        "other_scheme": "http" if scheme == "https" else "https",
        "netloc": parts.netloc,
        "NETLOC": parts.netloc.upper(),
        "address": address,
        "port": f":{parts.port}" if parts.port else "",
        "parent": parts.netloc.partition(".")[2],
        "twin": _ascii(host.translate(TWINS)),
        "wide": f"{chr(ord(host[:1] or 'x') + 0xFEE0)}{parts.netloc[1:]}",
        "coded_host": f"{_percent(host[:1])}{parts.netloc[1:]}",
        "path": path,
        "PATH": path.swapcase(),
        "folder": folder,
        "coded": f"{folder}/{_percent(name[:1])}{name[1:]}",
        "other_loopback": "127.0.0.1" if host == "localhost" else "localhost",
        "other_version": "127.0.0.1" if ":" in host else "[::1]",
    }


def _percent(letter: str) -> str:
    return "".join(f"%{byte:02x}" for byte in letter.encode())


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def _is_number(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
