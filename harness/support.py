"""What a capability is, and how a target's support for it is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.context import Context
    from harness.run import Run
    from harness.target import Target


class Support(StrEnum):
    """How a capability shows. Advertising is evidence; working is the verdict."""

    ADVERTISED = "advertised"
    CONFIGURED = "configured"
    ABSENT = "absent"


@dataclass(frozen=True, eq=False)
class Capability:
    """Something optional that a target supports.

    Attributes:
        support: looks at metadata and the target file only.
        control: the flow with nothing wrong in it; it raises when the capability does not work.
        unlock: what a user could add to the target or its file.
        requires: capabilities whose control must have passed before this one's is run.
        alone: whether scenarios that need it change what others rely on, or rely on what others change, so that they
            run one by one, after all others; it may depend on the target.
    """

    name: str
    summary: str
    support: Callable[[Run], Support]
    control: Callable[[Context], object]
    unlock: str = ""
    requires: tuple[Capability, ...] = ()
    alone: bool | Callable[[Target], object] = False

    def disturbs(self, target: Target) -> bool:
        """Whether scenarios that need it run alone at this target."""
        return bool(self.alone(target)) if callable(self.alone) else self.alone


def advertised(check: Callable[[dict[str, Any]], bool], client: str = "") -> Callable[[Run], Support]:
    """Support is advertised when the metadata passes the check, configured when the file names such a client."""

    def support(run: Run) -> Support:
        if client and client in run.target.home.clients:
            return Support.CONFIGURED
        return Support.ADVERTISED if check(run.home.metadata) else Support.ABSENT

    return support


def configured(check: Callable[[Run], object]) -> Callable[[Run], Support]:
    """Support is configured when the check finds what it looks for in the target file or in what was discovered."""
    return lambda run: Support.CONFIGURED if check(run) else Support.ABSENT


def _list(metadata: dict[str, Any], member: str) -> list[Any]:
    """A member of another type is as good as none here; scenarios judge it."""
    value = metadata.get(member)
    return value if isinstance(value, list) else []


def lists(member: str, value: str) -> Callable[[dict[str, Any]], bool]:
    """Check that a list of the metadata has a value."""
    return lambda metadata: value in _list(metadata, member)


def has(member: str) -> Callable[[dict[str, Any]], bool]:
    """Check that the metadata has a member."""
    return lambda metadata: bool(metadata.get(member))


def grant(name: str) -> Callable[[dict[str, Any]], bool]:
    """Check that a grant is supported; the list defaults to authorization_code and implicit (RFC 8414 section 2)."""
    return lambda metadata: name in (_list(metadata, "grant_types_supported") or ("authorization_code", "implicit"))
