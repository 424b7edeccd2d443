"""Software statements: what somebody is said to vouch for counts only when they do (RFC 7591 sections 2.3 and 3.1.1).

There is no good one to begin with, for nobody whom the target trusts signs one for a test. What is judged is that
statements which nobody can trust are not believed: they are refused, or ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness import Context, Fault, expect, expect_oauth_error, fault, keys, scenario
from harness.capability import JWT_ACCESS_TOKENS, REGISTRATION
from harness.verdict import Blocked
from scenarios.authorization_server.registration import was_registered

PUBLISHER = "https://publisher.assay.example"
"""The issuer of our statements; nobody has this name, so that nobody can know its keys."""
SAID: dict[str, Any] = {
    "software_id": "assay-said-by-the-publisher",
    "client_name": "mcp-assay, said the publisher",
    "client_uri": f"{PUBLISHER}/said",
    "redirect_uris": [f"{PUBLISHER}/callback"],
}
TYPE = {"typ": "JWT"}
ERRORS = ("invalid_software_statement", "unapproved_software_statement")
Forge = Callable[[Context], str]


def _unsigned(_ctx: Context) -> str:
    return f"{keys.encode_part({**TYPE, 'alg': 'none'})}.{keys.encode_part({**SAID, 'iss': PUBLISHER})}."


def _signed(*, issuer: bool = True, embedded: bool = False, as_the_target: bool = False) -> Forge:
    """Sign with a key that nobody published."""

    def forge(ctx: Context) -> str:
        key = keys.stranger_key("RS256")
        named = {"iss": ctx.home.issuer if as_the_target else PUBLISHER} if issuer else {}
        header = {**TYPE, "jwk": keys.public(key)} if embedded else TYPE
        return keys.sign({**SAID, **named}, key, header)

    return forge


def _with_the_public_key(ctx: Context) -> str:
    published = ctx.jwks().get("keys") or []
    if not published:
        raise Blocked("the issuer publishes no key to be confused with")
    return keys.hmac_with_public_key(published[0], {**SAID, "iss": ctx.home.issuer}, TYPE)


STATEMENTS = (
    fault(
        "unsigned",
        "rfc7591-2.3-1",
        "rfc7591-3.1.1-2",
        "rfc7591-3.2.2-4",
        "rfc7591-3.2.1-6",
        remedy="Refuse statements with alg none: accept a list of algorithms, and verify the signature.",
        forge=_unsigned,
    ),
    fault(
        "of-a-stranger",
        "rfc7591-3.1.1-2",
        "rfc7591-3.2.2-4",
        remedy="Believe the issuers that you list, with the keys that you hold for them, and refuse everybody else.",
        forge=_signed(),
    ),
    fault(
        "with-a-key-of-its-own",
        "rfc7591-3.1.1-2",
        "rfc7591-3.2.2-4",
        remedy="Ignore a key in the header of a statement: it says nothing about whose key it is.",
        forge=_signed(embedded=True),
    ),
    fault(
        "without-an-issuer",
        "rfc7591-2.3-1",
        "rfc7591-3.1.1-2",
        "rfc7591-3.2.2-4",
        remedy="Refuse statements without iss: nobody vouches for what they say.",
        forge=_signed(issuer=False),
    ),
    fault(
        "in-the-name-of-the-server",
        "rfc7591-3.1.1-2",
        "rfc7591-3.2.2-4",
        remedy="Verify the signature with a key of the issuer that the statement names, whoever that is.",
        forge=_signed(as_the_target=True),
    ),
    fault(
        "with-a-public-key-as-secret",
        "rfc7591-3.1.1-2",
        "rfc7591-3.2.2-4",
        remedy="Use a public key with the algorithm that it was made for only, and never for an HMAC.",
        forge=_with_the_public_key,
        needs={JWT_ACCESS_TOKENS},
    ),
)


@scenario.each(STATEMENTS, needs={REGISTRATION})
def a_faulty_statement_is_not_believed(ctx: Context, fault: Fault) -> None:
    """A software statement that nobody can trust is refused or ignored: nothing that it says is registered."""
    assert fault.forge
    statement = fault.forge(ctx)
    answer = ctx.register(software_statement=statement)
    if not was_registered(answer):
        expect_oauth_error(answer, *ERRORS, what="the software statement")
        return
    believed = sorted(name for name, value in SAID.items() if answer.json.get(name) == value)
    expect(not believed, "nothing of the statement to be registered", f"it gave {', '.join(believed)}", answer)
    returned = answer.json.get("software_statement", statement)
    expect(returned == statement, "the statement as it was sent, or none", "another one was returned", answer)
