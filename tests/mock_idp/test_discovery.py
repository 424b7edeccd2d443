import httpx
import pytest

from tests.mock_idp.relying_party import DISCOVERY, Provider, RelyingParty


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_each_tenant_has_an_issuer_of_its_own(provider: Provider, tenant: str) -> None:
    document = provider.client.get(f"{provider.url}/{tenant}{DISCOVERY}").json()
    assert document["issuer"] == f"{provider.url}/{tenant}"
    urls = [value for name, value in document.items() if name.endswith(("_endpoint", "_uri"))]
    assert len(urls) == 5
    assert all(url.startswith(f"{document['issuer']}/") for url in urls)


def test_the_document_says_what_the_provider_does(rp: RelyingParty) -> None:
    document = rp.back_channel.get(f"{rp.issuer}{DISCOVERY}").json()
    assert document["id_token_signing_alg_values_supported"] == ["RS256", "ES256"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["response_types_supported"] == ["code"]
    assert document["request_uri_parameter_supported"] is False
    assert document["authorization_response_iss_parameter_supported"] is True


def test_the_host_header_changes_nothing(rp: RelyingParty) -> None:
    lie = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    for url in (f"{rp.issuer}{DISCOVERY}", f"{rp.issuer}/authorize?{httpx.QueryParams(rp.request())}"):
        answer = rp.back_channel.get(url, headers=lie)
        assert answer.status_code == 200
        assert rp.issuer in answer.text
        assert "evil.example" not in answer.text + str(answer.headers)
    assert rp.back_channel.get(f"{rp.issuer}/jwks/", headers=lie).status_code == 404


def test_an_unknown_tenant_is_a_404_page(provider: Provider) -> None:
    for path in (f"/initech{DISCOVERY}", "/initech/authorize", "/initech/token", "/acme/nothing"):
        answer = provider.client.get(f"{provider.url}{path}")
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")


def test_a_wrong_method_is_a_405(rp: RelyingParty) -> None:
    answer = rp.back_channel.get(f"{rp.issuer}/token")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


def test_the_keys_are_public_and_for_both_algorithms(rp: RelyingParty) -> None:
    keys = rp.jwks()
    assert {key["alg"] for key in keys} == {"RS256", "ES256"}
    assert len({key["kid"] for key in keys}) == len(keys)
    assert not any({"d", "p", "q", "dp", "dq", "qi", "k"} & key.keys() for key in keys)


def test_tenants_share_no_key(provider: Provider, rp: RelyingParty) -> None:
    other = RelyingParty(provider, "globex")
    assert not {key["kid"] for key in rp.jwks()} & {key["kid"] for key in other.jwks()}
    other.close()


def test_the_first_page_lists_the_issuers(provider: Provider) -> None:
    text = provider.client.get(f"{provider.url}/").text
    assert f"{provider.url}/acme{DISCOVERY}" in text
    assert f"{provider.url}/globex{DISCOVERY}" in text
