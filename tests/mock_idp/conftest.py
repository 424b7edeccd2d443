from collections.abc import Iterator

import pytest

from tests.mock_idp.relying_party import Provider, RelyingParty, running


@pytest.fixture(scope="package")
def provider_process() -> Iterator[Provider]:
    with running() as provider:
        yield provider


@pytest.fixture
def provider(provider_process: Provider) -> Provider:
    assert provider_process.control("DELETE", "/clock").status_code == 200
    assert provider_process.control("POST", "/reset").status_code == 200
    return provider_process


@pytest.fixture
def rp(provider: Provider) -> Iterator[RelyingParty]:
    party = RelyingParty(provider)
    yield party
    party.close()
