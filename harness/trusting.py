"""A target whose MCP server trusts the sandbox's issuer: what is known of it once that issuer runs."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.request import TargetFileError
from harness.sandbox.errors import SandboxError
from harness.target_file import TargetFile

if TYPE_CHECKING:
    from fixtures.world import World
    from harness.sandbox.target import Sandbox
    from harness.target import Target, Tenant


def trusting(target: Target, file: TargetFile, stack: ExitStack, sandbox: Sandbox) -> Target:
    """Return the target with tenants whose tokens are minted by the sandbox that it trusts.

    Args:
        target: as it was found.
        file: names the sandbox's tenants.
        stack: is given what has to end with the run.
        sandbox: the one that it trusts, which runs.

    Raises:
        SandboxError: its control plane does not answer.
    """
    from fixtures.world import load_world
    from harness.sandbox.target import sandbox_tenant

    world = load_world()
    control = stack.enter_context(sandbox.control("authorization_server"))

    def minted(tenant: Tenant, name: str, resource: str, *, subject: bool) -> Tenant:
        issuer = sandbox_tenant(sandbox, world, name, control)
        with suppress(SandboxError):  # what is no resource identifier is judged by the scenarios
            control.add_resource(name, resource)
        return _minted(tenant, issuer, subject=tenant.subject if subject else issuer.subject)

    if target.downstream and target.downstream.resource:  # so that the MCP server can exchange tokens for it
        with suppress(SandboxError):
            control.add_resource(file.sandbox.tenant, target.downstream.resource, like="fx")
    home = minted(target.home, file.sandbox.tenant, target.resource, subject="subject" in file.target.model_fields_set)
    if not (target.other and file.other_tenant):
        return _asking_what_is_known(replace(target, home=home), world)
    named = "subject" in file.other_tenant.model_fields_set
    other = minted(target.other, file.other_tenant.name, target.other.mcp_server, subject=named)
    return _asking_what_is_known(replace(target, home=home, other=other), world)


def check_tenants(file: TargetFile) -> None:
    """Look whether the sandbox has the tenants that a target file names, where its issuer is trusted.

    Raises:
        TargetFileError: it has none of that name, or one is named twice.
    """
    if not file.target.trusts:
        return
    from fixtures.world import load_world

    tenants = load_world().tenants
    other = file.other_tenant.name if file.other_tenant else ""
    for key, name in (("sandbox.tenant", file.sandbox.tenant), ("other_tenant.name", other)):
        if name and name not in tenants:
            raise TargetFileError(f"{key}: there is no {name!r}; there are: {', '.join(tenants)}")
    if other == file.sandbox.tenant:
        raise TargetFileError(f"other_tenant.name: {other!r} is the tenant that signs for [target] already")


def _minted(tenant: Tenant, issuer: Tenant, *, subject: str) -> Tenant:
    """Return the target's tenant with all that issues its tokens; a name of its own is what tokens carry."""
    return replace(
        tenant,
        name=tenant.name or issuer.name,
        authorization_server=issuer.authorization_server,
        clients=issuer.clients,
        login=issuer.login,
        subject=subject,
        signer=issuer.signer,
        issuer_control=issuer.issuer_control,
        identity_provider=issuer.identity_provider,
    )


def _asking_what_is_known(target: Target, world: World) -> Target:
    """Return the target; flows ask for its narrow scope, which has to be one that the sandbox knows."""
    known = set(target.narrow_scope.split()) <= world.scopes.keys()
    return target if known else replace(target, narrow_scope="")
