"""How tokens for an MCP server are had, which decides how much of it can be judged: minted, by real flows, or given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.sandbox.attached import attach
from harness.sandbox.registry import usable
from harness.sandbox.sockets import LOOPBACK
from harness.token_table import TokensTable

if TYPE_CHECKING:
    from harness.target import Target
    from harness.target_file import TargetFile

MINTING = 'trusts = "sandbox" under [target], and a server that trusts its issuer (mcp-assay serve-issuer says how)'


@dataclass(frozen=True)
class WayIn:
    """One of the three ways.

    Attributes:
        text: what it is and what that means; empty where there is none.
        more: what is not judged by it, and what would have it judged.
    """

    text: str = ""
    more: list[str] = field(default_factory=list)


def way_in(file: TargetFile, target: Target) -> WayIn:
    """Return the way that a target file chooses, with what discovery found."""
    if file.target.trusts:
        return _minted(file, target)
    given = sorted(target.home.tokens)
    if target.home.authorization_server and not file.tokens_given:
        return _flows(file, target, given)
    if "good" in given:
        return _given(given, target)
    return WayIn(
        more=[f"there is none, so that refusals alone are judged; {MINTING}, or good_env under [tokens], is one"]
    )


def _minted(file: TargetFile, target: Target) -> WayIn:
    issuer = sandbox_issuer(file)
    settings = f"issuer {issuer}, JWKS {issuer}/jwks, audience {target.resource}"
    text = f"everything is minted: the server trusts the sandbox's issuer, which signs good and bad tokens ({settings})"
    named = target.home.authorization_server
    if named and named.rstrip("/") != issuer:
        return WayIn(text, [f"the server's metadata names the authorization server {named}; does it trust {issuer}?"])
    return WayIn(text)


def sandbox_issuer(file: TargetFile) -> str:
    """Return the issuer that a server which trusts the sandbox has to trust."""
    port, tenant = file.sandbox.port, file.sandbox.tenant
    running = usable(port)
    return attach(running).layout.issuer(tenant) if running else f"http://{LOOPBACK}:{port + 1}/{tenant}"


def _flows(file: TargetFile, target: Target, given: list[str]) -> WayIn:
    issuer = target.home.authorization_server
    beside = f", and {', '.join(given)} ones are given" if given else ""
    text = f"real flows and forged: tokens are had from {issuer}, and altered without its keys{beside}"
    return WayIn(text, [*_login(file), _unsigned(given)])


def _login(file: TargetFile) -> Iterator[str]:
    if "login" not in file.model_fields_set:
        yield "[login] is absent: redirects are followed, and what lies behind a page for login or consent is blocked"


def _given(given: list[str], target: Target) -> WayIn:
    text = f"tokens are given: {', '.join(given)}; they are shown, and the good one is altered where it is a JWT"
    keys = (
        "" if target.home.authorization_server else "the published keys are not known, so that they cannot be misused"
    )
    return WayIn(text, [*filter(None, [keys]), _unsigned(given)])


def _unsigned(given: list[str]) -> str:
    kinds = [name for name in TokensTable.model_fields if name.removesuffix("_env") not in {*given, "good"}]
    some = f"; {', '.join(kinds)} under [tokens] would do for some of it" if kinds else ""
    return f"what only the issuer's key could sign is not judged: {MINTING}, would have it judged{some}"


def lines(way: WayIn) -> Iterator[tuple[bool, str]]:
    """Yield what there is to say, and whether it is good news."""
    if way.text:
        yield True, way.text
    yield from ((False, text) for text in way.more)
