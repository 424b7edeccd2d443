"""ID-JAGs with exactly one fault each, which no authorization server takes for a grant.

What they are is said in `id_jag`, beside the scenarios that send them.
"""

from harness import fault
from harness.minting import living_longer, signed_by_stranger, signed_with_public_key, unsigned

STRANGER = "https://stranger.example"
SOMEBODYS_KEY = "A" * 43
"""The thumbprint (RFC 7638) of a key that nobody has."""

FAULTS = (
    fault(
        "typed-as-another-jwt",
        "idjag-4.4.1-1",
        remedy="Demand typ oauth-id-jag+jwt; the provider signs other JWTs about the same user, such as ID tokens.",
        header={"typ": "JWT"},
    ),
    fault(
        "for-another-authorization-server",
        "idjag-4.4.1-2",
        "idjag-8.3-2",
        remedy="Compare aud with your issuer identifier, so that nobody you are not redeems your neighbour's ID-JAGs.",
        aud=STRANGER,
    ),
    fault(
        "for-another-server-besides",
        "idjag-4.4.1-2",
        remedy="Refuse an aud with more than one value: each of the servers in it could redeem it at the others.",
        aud=lambda own: [own, STRANGER],
    ),
    fault(
        "for-nobody",
        "idjag-4.4.1-2",
        remedy="Refuse an ID-JAG without aud.",
        aud=None,
    ),
    fault(
        "for-another-client",
        "idjag-4.4.1-3",
        remedy="Compare client_id of the ID-JAG with the client that authenticated.",
        client_id="assay-another-client",
    ),
    fault(
        "for-no-client",
        "idjag-4.4.1-3",
        remedy="Refuse an ID-JAG without client_id: it would be good for whoever finds it.",
        client_id=None,
    ),
    fault(
        "of-another-issuer",
        "idjag-4.4.1-4",
        "rfc7523-3.1-1",
        remedy="Compare iss with the issuers that you trust, beside verifying the signature.",
        iss=STRANGER,
    ),
    fault(
        "of-no-issuer",
        "idjag-4.4.1-4",
        "rfc7523-3.1-1",
        remedy="Refuse an ID-JAG without iss.",
        iss=None,
    ),
    fault(
        "about-nobody",
        "idjag-4.4.1-4",
        "rfc7523-3.1-1",
        remedy="Refuse an ID-JAG without sub: neither the client nor anybody else is meant by default.",
        sub=None,
    ),
    fault(
        "expired",
        "idjag-4.4.1-4",
        "rfc7523-3.1-1",
        remedy="Compare exp with the clock; keep the leeway to minutes.",
        exp=-3600,
        iat=-3900,
    ),
    fault(
        "without-an-end",
        "idjag-4.4.1-4",
        "rfc7523-3.1-1",
        remedy="Refuse an ID-JAG without exp.",
        exp=None,
    ),
    fault(
        "not-valid-yet",
        "idjag-4.4.1-4",
        "rfc7523-3.1-1",
        remedy="Compare nbf, where there is one, with the clock.",
        nbf=900,
        exp=1200,
    ),
    fault(
        "altered",
        "idjag-4.4.1-4",
        "rfc7523-3.1-1",
        remedy="Verify the signature over header and claims as they were sent, before any claim is believed.",
        forge=living_longer,
    ),
    fault(
        "signed-by-a-stranger",
        "idjag-4.4.1-4",
        "rfc7523-3.1-1",
        remedy="Verify with the key that the provider publishes under kid; the kid itself proves nothing.",
        forge=signed_by_stranger,
    ),
    fault(
        "unsigned",
        "idjag-4.4.1-4",
        "rfc8725-3.1-2",
        remedy="Accept a fixed list of algorithms; never none.",
        forge=unsigned,
    ),
    fault(
        "hmac-with-the-public-key",
        "idjag-4.4.1-4",
        "rfc8725-3.1-2",
        remedy="Bind each key to its algorithm: a public key verifies no HMAC.",
        forge=signed_with_public_key,
    ),
    fault(
        "bound-to-a-key",
        "idjag-8.6.1.2.2-1",
        remedy="Refuse an ID-JAG with cnf, unless you take proofs of possession and the request has one.",
        cnf={"jkt": SOMEBODYS_KEY},
    ),
)
