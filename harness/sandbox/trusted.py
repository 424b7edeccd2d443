"""The sandbox whose issuer a target trusts: one that runs at its port already, or one that is started for the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.sandbox.attached import AttachedSandbox, attach
from harness.sandbox.embedded import EmbeddedSandbox
from harness.sandbox.errors import PortError, SandboxError
from harness.sandbox.layout import ISSUER
from harness.sandbox.registry import key_file, usable


@contextmanager
def trusted_sandbox(port: int) -> Iterator[EmbeddedSandbox | AttachedSandbox]:
    """Provide the issuer at a port, with the keys that it had there before: the target may have fetched them long ago.

    Where `mcp-assay serve-issuer` or `up` runs at this port, that one is used and left running.

    Raises:
        SandboxError: something else is at the port, there is no place for the keys, or the sandbox does not start.
    """
    if handle := usable(port):
        yield attach(handle)
        return
    try:
        sandbox = EmbeddedSandbox(port, services=ISSUER, keys=key_file(port))
        sandbox.start()
    except PortError as fault:
        raise SandboxError(f"{fault.reason}; [sandbox] port names the place of the sandbox that is trusted") from fault
    try:
        yield sandbox
    finally:
        sandbox.stop()
