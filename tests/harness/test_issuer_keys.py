"""What scenarios do to an issuer: it is undone at the end, and nobody waits where the clock can be moved."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.context import Context
from harness.issuer_keys import STEP, AdditionalKey, eventually, fetches_of_keys, outage
from harness.verdict import Blocked, NotApplicable

JWKS = "http://127.0.0.1:7402/acme/jwks"


class Issuer:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def publish_key(self, alg: str) -> str:
        self.told.append(("publish", alg))
        return "k1"

    def withdraw_key(self, kid: str) -> None:
        self.told.append(("withdraw", kid))

    @contextmanager
    def outage(self, paths: Collection[str], *, drop: bool = False) -> Iterator[None]:
        self.told.append(("fail", set(paths), drop))
        yield
        self.told.append("mended")

    def fetches(self, path: str, since: float) -> int:
        self.told.append(("fetches", path, since))
        return 3


class Stage(SimpleNamespace):
    """A context of which only this much is there; its clock and its waits are counted."""

    def __init__(self, *, clock: bool = True, control: bool = True, jwks: object = JWKS) -> None:
        self.issuer = Issuer()
        self.waited: list[float] = []
        moved = SimpleNamespace(advance=self.waited.append)
        super().__init__(
            target=SimpleNamespace(
                clock=moved if clock else None,
                home=SimpleNamespace(issuer_control=self.issuer if control else None),
            ),
            clock=moved,
            home=SimpleNamespace(metadata={"jwks_uri": jwks}, issuer="http://127.0.0.1:7402/acme"),
            http=SimpleNamespace(patient=True, wire=SimpleNamespace(stop=SimpleNamespace(wait=self.waited.append))),
        )

    def now(self) -> float:
        return 1000.0

    @property
    def ctx(self) -> Context:
        return cast(Context, self)


def test_an_additional_key_is_withdrawn_at_the_end_and_only_once() -> None:
    stage = Stage()
    with AdditionalKey(stage.ctx, "RS256") as key:
        key.withdraw()
    assert stage.issuer.told == [("publish", "RS256"), ("withdraw", "k1")]


def test_an_additional_key_is_withdrawn_after_a_failure_too() -> None:
    stage = Stage()
    with pytest.raises(Blocked), AdditionalKey(stage.ctx, "RS256"):
        raise Blocked("no matter what")
    assert stage.issuer.told[-1] == ("withdraw", "k1")


def test_without_a_control_plane_it_is_not_applicable() -> None:
    with pytest.raises(NotApplicable, match="cannot be told"):
        AdditionalKey(Stage(control=False).ctx, "RS256")


def test_an_outage_is_one_of_keys_and_metadata_of_this_issuer() -> None:
    stage = Stage()
    with outage(stage.ctx, drop=True):
        assert not stage.http.patient
    paths = {
        "/acme/jwks",
        "/acme/.well-known/",
        "/.well-known/oauth-authorization-server/acme",
        "/.well-known/openid-configuration/acme",
    }
    assert stage.issuer.told == [("fail", paths, True), "mended"]
    assert stage.http.patient


def test_fetches_are_counted_from_the_beginning_of_what_is_done() -> None:
    stage = Stage()
    assert fetches_of_keys(stage.ctx, lambda: stage.issuer.told.append("work")) == 3
    assert stage.issuer.told == ["work", ("fetches", "/acme/jwks", 1000.0)]


def test_metadata_without_keys_blocks() -> None:
    with pytest.raises(Blocked, match="jwks_uri"):
        fetches_of_keys(Stage(jwks=None).ctx, lambda: None)


def test_what_holds_at_once_is_not_waited_for() -> None:
    stage = Stage()
    assert eventually(stage.ctx, lambda: _answer(200), _good, 30).status == 200
    assert stage.waited == []


def test_where_the_clock_can_be_moved_it_is_asked_twice_and_nobody_waits() -> None:
    stage, statuses = Stage(), iter((401, 200))
    assert eventually(stage.ctx, lambda: _answer(next(statuses)), _good, 30).status == 200
    assert stage.waited == [30]


def test_elsewhere_it_is_asked_again_and_again() -> None:
    stage, statuses = Stage(clock=False), iter((401, 401, 401, 200))
    assert eventually(stage.ctx, lambda: _answer(next(statuses)), _good, 30).status == 200
    assert stage.waited == [STEP] * 3


def test_where_no_time_is_stated_it_is_asked_once() -> None:
    stage, statuses = Stage(clock=False), iter((401,))
    assert eventually(stage.ctx, lambda: _answer(next(statuses)), _good, 0).status == 401


def _answer(status: int) -> Any:
    return SimpleNamespace(status=status)


def _good(answer: Any) -> bool:
    return bool(answer.status == 200)
