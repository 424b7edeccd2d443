"""Which scenarios come to the places that mutants change: a mutant cannot fail the others, so they are not asked.

Of a place where something is judged and nothing is changed, more is known than whether a scenario comes there: what
the mutant's own function makes of each call. Where that is the same in every call of a scenario, the mutant behaves
as the reference does up to its first call there, and so up to the next, and to the end: it cannot fail the scenario.
Such places are

- checks, which a mutant leaves out: methods and functions that are called `check…`, `require…` or `refuse…`, that
  return None always, and otherwise raise;
- rows: tuples of functions that are called in turn with the same arguments, until one raises;
- functions that are named in `OF_THEIR_ARGUMENTS`, which mutants replace by others of that kind.

How long a call takes does not show in what comes of it. So a mutant is asked what it declares in any case.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fixtures.mutants import Mutant
from harness.outcomes import Function, Outcome, changes_nothing, does_nothing, in_turn, outcome, outcome_later

Place = str
Row = tuple[Function, ...]
Visits = dict[Place, set[str]]
EVERYWHERE = "*"
"""Stands for all scenarios, in the place of an id."""

OF_THEIR_ARGUMENTS = frozenset(
    {
        "fixtures.authorization_server.access_token.AccessTokens.get_audiences",
        "fixtures.authorization_server.authorization_code.AuthorizationCodeGrant.check_identification",
        "fixtures.authorization_server.authorization_code.AuthorizationCodeGrant.check_no_repetition",
        "fixtures.authorization_server.authorization_code.AuthorizationCodeGrant.check_redirect_uri",
        "fixtures.authorization_server.authorization_code.AuthorizationCodeGrant.check_response_type",
        "fixtures.authorization_server.authorization_code.AuthorizationCodeGrant.registered_redirect_uri",
        "fixtures.authorization_server.authorization_code.extended",
        "fixtures.authorization_server.client_authentication.Authentication.check_no_credentials_in_uri",
        "fixtures.authorization_server.client_authentication.Authentication.check_offered",
        "fixtures.authorization_server.client_metadata.ClientMetadata.registered",
        "fixtures.authorization_server.client_metadata.can_be_registered",
        "fixtures.authorization_server.clients.Client.check_client_secret",
        "fixtures.authorization_server.clients.Client.check_redirect_uri",
        "fixtures.authorization_server.clients.Clients.find",
        "fixtures.authorization_server.clients.same_redirect",
        "fixtures.authorization_server.issuer.Issuer.find_refresh_token",
        "fixtures.authorization_server.issuer.Issuer.is_revoked",
        "fixtures.authorization_server.issuer.Issuer.query_client",
        "fixtures.authorization_server.pkce.ProofKey.check_challenge_sent",
        "fixtures.authorization_server.pkce.ProofKey.check_method",
        "fixtures.authorization_server.pkce.ProofKey.check_no_downgrade",
        "fixtures.authorization_server.pkce.ProofKey.check_verifier",
        "fixtures.authorization_server.pkce.ProofKey.check_verifier_form",
        "fixtures.authorization_server.requests._media_type",
        "fixtures.authorization_server.resource_indicators.ResourceIndicators.granted",
        "fixtures.authorization_server.resource_indicators.ResourceIndicators.requested",
        "fixtures.authorization_server.scopes.ScopePolicy.within_rights",
        "fixtures.authorization_server.token_verification.TokenVerifier.names_issuer",
        "fixtures.mcp_server.gate.McpGate.bearer_token",
        "fixtures.mcp_server.gate.McpGate.challenged_scopes",
        "fixtures.mcp_server.gate.McpGate.effective_scopes",
        "fixtures.mcp_server.gate.McpGate.require_scopes",
        "fixtures.mcp_server.gate.challenge",
        "fixtures.mcp_server.validation.scopes_of",
        "mock_idp.issuer.Issuer.user",
    }
)
"""Places whose functions, and those that mutants put there, return or raise what follows from what they are given.

They change nothing. A function whose code shows that it does (`changes_nothing`) is not compared all the same.
"""

_CHECK = re.compile("(check|require|refuse)(_|$)")


class Trace:
    """Notes by which scenario each place is come to, while the services run unmodified.

    Settings of classes are watched too. What is neither that nor a function cannot be watched, and counts as come to by
    every scenario; so does what is come to while no scenario is under way, such as when the services are built.

    Args:
        mutants: whose places are watched.
    """

    def __init__(self, mutants: Iterable[Mutant]) -> None:
        self.scenario = EVERYWHERE
        self.visits: Visits = {}
        self._mutants = tuple(mutants)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Watch the places until the end of the block."""
        before: list[tuple[Any, str, Any]] = []
        try:
            for (owner, name), changes in self._places().items():
                watched = self._watched(owner, name, changes)
                if watched is None:
                    self.visits[_place(owner, name)].add(EVERYWHERE)
                else:
                    before.append((owner, name, vars(owner).get(name, _INHERITED)))
                    setattr(owner, name, watched)
            yield
        finally:
            for owner, name, value in before:
                if value is _INHERITED:
                    delattr(owner, name)
                else:
                    setattr(owner, name, value)

    def _places(self) -> dict[tuple[Any, str], dict[str, Any]]:
        """Return what mutants put into each place, by their ids."""
        places: dict[tuple[Any, str], dict[str, Any]] = {}
        for mutant in self._mutants:
            for name, new in mutant.changes.items():
                places.setdefault((mutant.owner, name), {})[mutant.id] = new
        return places

    def _watched(self, owner: Any, name: str, changes: Mapping[str, Any]) -> Any:
        """Return what is put into a place so that it is watched, or None where that cannot be."""
        found = inspect.getattr_static(owner, name)
        function = getattr(found, "__func__", found)
        watch = _Watch(self, _place(owner, name))
        if inspect.isfunction(function):
            others = {mutant: _comparable(watch.place, found, new) for mutant, new in changes.items()}
            watch.compare_with({mutant: other for mutant, other in others.items() if other})
            watched = watch.around(function)
            return watched if found is function else type(found)(watched)
        if _is_row(found):
            watch.compare_with({mutant: row for mutant, row in changes.items() if _is_row(row)})
            return (watch.around_row(found),)
        if isinstance(found, property) and found.fget:
            return property(watch.around(found.fget), found.fset, found.fdel, found.__doc__)
        plain = inspect.isclass(owner) and not hasattr(type(found), "__get__")
        return _Setting(found, watch.come) if plain else None


class _Watch:
    """Notes who comes to one place, and for whom something else in that place would come to something else."""

    def __init__(self, trace: Trace, place: Place) -> None:
        self.place = place
        self._trace = trace
        self._visitors = trace.visits.setdefault(place, set())
        self._others: list[tuple[Any, set[str]]] = []

    def compare_with(self, others: Mapping[str, Any]) -> None:
        """Compare each call with what mutants' functions, or rows, make of it; they are given by the mutants' ids."""
        for mutant, other in others.items():
            different = self._trace.visits.setdefault(_difference(self.place, mutant), set())
            self._others.append((other, different))

    def come(self) -> None:
        """Note who is there."""
        self._visitors.add(self._trace.scenario)

    def around(self, function: Function) -> Function:
        """Return a function that does the same and is watched."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def later(*args: Any, **options: Any) -> Any:
                self.come()
                found = await outcome_later(function, *args, **options)
                self._compare(found, lambda other: outcome(other, *args, **options))
                return found.result()

            return later

        @functools.wraps(function)
        def now(*args: Any, **options: Any) -> Any:
            self.come()
            found = outcome(function, *args, **options)
            self._compare(found, lambda other: outcome(other, *args, **options))
            return found.result()

        return now

    def around_row(self, row: Row) -> Function:
        """Return a function that is a row in one and is watched."""

        def all_in_turn(*args: Any, **options: Any) -> None:
            self.come()
            called = functools.cache(lambda check: outcome(check, *args, **options))
            found = in_turn(row, called)
            self._compare(found, lambda other: in_turn(other, called))
            found.result()

        return all_in_turn

    def _compare(self, found: Outcome, called: Callable[[Any], Outcome]) -> None:
        for other, different in self._others:
            if self._trace.scenario not in different and not found.same(called(other)):
                different.add(self._trace.scenario)


class _Setting:
    """An attribute of a class that is the same for all, and notes that it is read."""

    def __init__(self, value: Any, come: Callable[[], None]) -> None:
        self._value = value
        self._come = come

    def __get__(self, _instance: Any, _owner: Any = None) -> Any:
        self._come()
        return self._value


def merged(parts: Iterable[Visits]) -> Visits:
    """Put together what several traces saw."""
    whole: Visits = {}
    for part in parts:
        for name, visitors in part.items():
            whole.setdefault(name, set()).update(visitors)
    return whole


def reaching(mutant: Mutant, visits: Mapping[Place, set[str]]) -> frozenset[str]:
    """Return the ids of the scenarios that can tell a mutant from the reference, or `EVERYWHERE` among them.

    These are the ones that come to what it changes; or those for whom that would come to something else, where it is
    compared.
    """
    return frozenset().union(*(_concerned(mutant, name, visits) for name in mutant.changes))


def _concerned(mutant: Mutant, name: str, visits: Mapping[Place, set[str]]) -> set[str]:
    place = _place(mutant.owner, name)
    different = visits.get(_difference(place, mutant.id))
    return visits.get(place, {EVERYWHERE}) if different is None else different


def _place(owner: Any, name: str) -> Place:
    """Return the full name of a place."""
    module = f"{owner.__module__}." if inspect.isclass(owner) else ""
    return f"{module}{getattr(owner, '__qualname__', owner.__name__)}.{name}"


def _difference(place: Place, mutant: str) -> Place:
    """Return under which name it is noted for whom a mutant's change of a place makes a difference."""
    return f"{place} of {mutant}"


def _comparable(place: Place, found: Any, new: Any) -> Function | None:
    """Return what of a mutant can be called beside the function in a place, where the two may be compared."""
    function, other = inspect.unwrap(getattr(found, "__func__", found)), getattr(new, "__func__", new)
    if not inspect.isfunction(other) or type(found) is not type(new) or not changes_nothing(function):
        return None
    if _CHECK.match(function.__name__) and does_nothing(other):
        return _nothing
    at_once = not inspect.iscoroutinefunction(function) and not inspect.iscoroutinefunction(other)
    return other if place in OF_THEIR_ARGUMENTS and at_once and changes_nothing(other) else None


def _is_row(value: Any) -> bool:
    """Whether a setting is a row of functions that may be compared."""
    return isinstance(value, tuple) and value != () and all(map(_is_judging, value))


def _is_judging(item: Any) -> bool:
    return inspect.isfunction(item) and not inspect.iscoroutinefunction(item) and changes_nothing(item)


def _nothing(*_args: Any, **_options: Any) -> None:
    return None


_INHERITED = object()
