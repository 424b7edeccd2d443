"""Which scenarios can tell a mutant from the reference: a mutant cannot fail the others, so they are not asked.

Those that do not come to the place that it changes cannot. Of a place where something is judged and nothing is changed,
more is known than who comes there: what the mutant's own function makes of each call. Where that is the same in every
call of a scenario, the mutant behaves as the reference does up to its first call there, and so up to the next, and to
the end. Such places are

- checks that a mutant leaves out: functions that are called `check…`;
- functions that are named in `OF_THEIR_ARGUMENTS`, in the place of which mutants have others of that kind.

How long a call takes does not show in what comes of it. So a mutant is asked what it declares in any case.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fixtures.mutants import Mutant
from fixtures.mutants.mutation import nothing
from harness.outcomes import Function, Outcome, outcome

Place = str
Visits = dict[Place, set[str]]
EVERYWHERE = "*"
"""Stands for all scenarios, in the place of an id, and for all places, in the place of a name."""

OF_THEIR_ARGUMENTS = frozenset(
    {
        "fixtures.authorization_server.access_token.AccessTokens.get_audiences",
        "fixtures.authorization_server.authorization_code.AuthorizationCodeGrant.check_identification",
        "fixtures.authorization_server.authorization_code.AuthorizationCodeGrant.check_no_repetition",
        "fixtures.authorization_server.authorization_code.AuthorizationCodeGrant.check_redirect_uri",
        "fixtures.authorization_server.authorization_code.AuthorizationCodeGrant.check_response_type",
        "fixtures.authorization_server.authorization_code.AuthorizationCodeGrant.registered_redirect_uri",
        "fixtures.authorization_server.authorization_code.extended",
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

They change nothing that anybody else sees.
"""


class Trace:
    """Notes by which scenario each place is come to, while the services run unmodified.

    A place that is no function cannot be watched, and counts as come to by every scenario; so does one that is come to
    while no scenario is under way, such as when the services are built.

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
                place = _place(owner, name)
                found = inspect.getattr_static(owner, name)
                function = getattr(found, "__func__", found)
                if inspect.isfunction(function):
                    before.append((owner, name, vars(owner).get(name, _INHERITED)))
                    watched = self._watched(place, function, _comparable(place, found, changes))
                    setattr(owner, name, watched if found is function else type(found)(watched))
                else:
                    self._note(place)
            yield
        finally:
            for owner, name, value in before:
                if value is _INHERITED:
                    delattr(owner, name)
                else:
                    setattr(owner, name, value)

    def doubt(self) -> None:
        """Note that the scenario may come to any place: it went another way than it does elsewhere."""
        self._note(EVERYWHERE)

    def _places(self) -> dict[tuple[Any, str], dict[str, Any]]:
        """Return what mutants put into each place, by their ids."""
        places: dict[tuple[Any, str], dict[str, Any]] = {}
        for mutant in self._mutants:
            for name, new in mutant.changes.items():
                places.setdefault((mutant.owner, name), {})[mutant.id] = new
        return places

    def _watched(self, place: Place, function: Function, others: Mapping[str, Function]) -> Function:
        """Return a function that does the same and is watched, and compared with those of mutants."""
        self.visits.setdefault(place, set())
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def later(*args: Any, **options: Any) -> Any:
                self._note(place)
                return await function(*args, **options)

            return later

        self.visits.update({_difference(place, mutant): set() for mutant in others})

        @functools.wraps(function)
        def now(*args: Any, **options: Any) -> Any:
            self._note(place)
            found = outcome(function, *args, **options)
            for mutant, other in others.items():
                self._compare(_difference(place, mutant), found, functools.partial(outcome, other, *args, **options))
            return found.result()

        return now

    def _compare(self, name: Place, found: Outcome, called: Callable[[], Outcome]) -> None:
        if self.scenario not in self.visits[name] and not found.same(called()):
            self._note(name)

    def _note(self, name: Place) -> None:
        self.visits.setdefault(name, set()).add(self.scenario)


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
    doubtful = visits.get(EVERYWHERE, set())
    return frozenset(doubtful).union(*(_concerned(mutant, name, visits) for name in mutant.changes))


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


def _comparable(place: Place, found: Any, changes: Mapping[str, Any]) -> Mapping[str, Function]:
    """Return, of what mutants put into a place, what can be called beside the function there and compared."""
    new = {mutant: getattr(new, "__func__", new) for mutant, new in changes.items() if type(new) is type(found)}
    plain = {name: it for name, it in new.items() if inspect.isfunction(it) and not inspect.iscoroutinefunction(it)}
    if place in OF_THEIR_ARGUMENTS:
        return plain
    is_check = place.rpartition(".")[2].startswith("check")
    return {mutant: function for mutant, function in plain.items() if is_check and function is nothing}


_INHERITED = object()
