"""What a scenario is handed, and what it judges with. Everything is loaded when it is first asked for."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.context import Context as Context
    from harness.expect import expect as expect
    from harness.expect import expect_accepted as expect_accepted
    from harness.expect import expect_authorization_error as expect_authorization_error
    from harness.expect import expect_challenge as expect_challenge
    from harness.expect import expect_media_type as expect_media_type
    from harness.expect import expect_members as expect_members
    from harness.expect import expect_no_code as expect_no_code
    from harness.expect import expect_no_token as expect_no_token
    from harness.expect import expect_no_wider_scope as expect_no_wider_scope
    from harness.expect import expect_not_called as expect_not_called
    from harness.expect import expect_not_let_in as expect_not_let_in
    from harness.expect import expect_not_redirected_to as expect_not_redirected_to
    from harness.expect import expect_not_stored as expect_not_stored
    from harness.expect import expect_oauth_error as expect_oauth_error
    from harness.expect import expect_refused as expect_refused
    from harness.expect import expect_status as expect_status
    from harness.expect import expect_token as expect_token
    from harness.expect import expect_token_refused as expect_token_refused
    from harness.expect import granted_audience as granted_audience
    from harness.expect import granted_scope as granted_scope
    from harness.property import explore as explore
    from harness.property import for_all as for_all
    from harness.scenario import Fault as Fault
    from harness.scenario import fault as fault
    from harness.scenario import scenario as scenario

_HOMES = {
    "Context": "context",
    "Fault": "scenario",
    "explore": "property",
    "fault": "scenario",
    "for_all": "property",
    "scenario": "scenario",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name) or ("expect" if name.startswith(("expect", "granted")) else "")
    if not home:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    return getattr(importlib.import_module(f"harness.{home}"), name)


class _Package(ModuleType):
    """`expect` and `scenario` are what scenarios import, also after the modules of these names were loaded."""

    def __setattr__(self, name: str, value: object) -> None:
        same_name = isinstance(value, ModuleType) and name in ("expect", "scenario")
        super().__setattr__(name, getattr(value, name) if same_name else value)


sys.modules[__name__].__class__ = _Package
