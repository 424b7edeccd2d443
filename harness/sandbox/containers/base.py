"""The base of the image: had by the engine, and asked once which Python it has."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from harness.sandbox.containers.engine import Engine, EngineError
from harness.sandbox.containers.labels import labels_of
from harness.sandbox.containers.owner import Owner

if TYPE_CHECKING:
    from docker.models.images import Image

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""The architectures that the image is made for: as OCI names them, and as Python does."""

_OLDEST_PYTHON = (3, 11)
_PATIENCE = 30
_PROBE = """
import json, os, platform, sys
print(json.dumps({
    "implementation_name": sys.implementation.name,
    "implementation_version": platform.python_version(),
    "os_name": os.name,
    "platform_machine": platform.machine(),
    "platform_python_implementation": platform.python_implementation(),
    "platform_release": platform.release(),
    "platform_system": platform.system(),
    "platform_version": platform.version(),
    "python_full_version": platform.python_version(),
    "python_version": ".".join(platform.python_version_tuple()[:2]),
    "sys_platform": sys.platform,
    "libc": platform.libc_ver(),
}))
"""


@dataclass(frozen=True)
class Base:
    """A base image that the engine has.

    Attributes:
        name: what the user calls it.
        identity: the engine's id of it, which covers its content.
        architecture: `amd64` or `arm64`.
    """

    name: str
    identity: str
    architecture: str


@dataclass(frozen=True)
class Python:
    """The Python of a base image.

    Attributes:
        markers: the values of environment markers there (Dependency specifiers, "Environment Markers").
        glibc: the version of the C library there.
    """

    markers: Mapping[str, str]
    glibc: tuple[int, int]

    @property
    def version(self) -> str:
        """Major and minor version, as in `3.13`."""
        return self.markers["python_version"]

    def on(self, architecture: str) -> dict[str, str]:
        """Return the markers' values on one of the architectures."""
        return {**self.markers, "platform_machine": MACHINES[architecture]}


def base_image(engine: Engine, name: str, say: Callable[[str], None]) -> Base:
    """Return the base image of that name; the engine pulls it where it lacks it.

    Raises:
        EngineError: it cannot be had, or is for another platform than the image is made for.
    """
    return _checked(name, _had(engine, name, say))


def python_of(engine: Engine, base: Base) -> Python:
    """Ask the base image for its Python, in a container without network that is removed.

    Raises:
        EngineError: it has none, or one that is too old or of another kind than the wheels of the dependencies.
    """
    said = _probed(engine, base)
    try:
        told = json.loads(said)
        libc, version = told.pop("libc")
        found = tuple(map(int, told["python_version"].split(".")))
    except (ValueError, KeyError, TypeError) as error:
        raise _no_python(base, said.strip().rpartition("\n")[2]) from error
    if found < _OLDEST_PYTHON:
        raise _no_python(base, f"it has Python {told['python_full_version']}")
    if told["implementation_name"] != "cpython" or libc != "glibc":
        what = f"{told['platform_python_implementation']} with {libc or 'another C library'}"
        raise EngineError(f"the base image {base.name} has {what}; the dependencies' wheels need CPython with glibc")
    major, minor = version.split(".")[:2]
    return Python(told, (int(major), int(minor)))


def _checked(name: str, image: Image) -> Base:
    system, architecture = image.attrs["Os"], image.attrs["Architecture"]
    if system != "linux" or architecture not in MACHINES:
        allowed = " and ".join(f"linux/{each}" for each in MACHINES)
        raise EngineError(f"the base image {name} is for {system}/{architecture}; the sandbox runs on {allowed}")
    return Base(name, str(image.id), architecture)


def _had(engine: Engine, name: str, say: Callable[[str], None]) -> Image:
    from docker.errors import APIError, ImageNotFound

    from harness.sandbox.containers import sdk

    with engine.faults(name):
        with suppress(ImageNotFound):
            return engine.client.images.get(name)
        say(f"pulling the base image {name}")
        if refusal := sdk.pull(engine.patient.api, name):
            raise APIError("the image cannot be pulled", explanation=refusal)
        return engine.client.images.get(name)


def _probed(engine: Engine, base: Base) -> str:
    """Return what the base's Python says about itself. A sweep removes the container should we be killed meanwhile."""
    from docker.errors import APIError

    settings: dict[str, Any] = {"network_mode": "none", "read_only": True, "cap_drop": ["ALL"], "user": "65532:65532"}
    with TemporaryDirectory(prefix="mcp-assay-") as scratch, Owner(Path(scratch)) as owner, engine.faults():
        labels = labels_of(secrets.token_hex(4), owner.file, "base")
        container = engine.client.containers.create(
            base.identity, ["-c", _PROBE], entrypoint=["python3"], labels=labels, **settings
        )
        try:
            container.start()
            container.wait(timeout=_PATIENCE)
            return bytes(container.logs()).decode(errors="replace")
        except APIError as error:
            if "executable file not found" in str(error):
                raise _no_python(base, "it has no python3") from error
            raise
        finally:
            container.remove(force=True)


def _no_python(base: Base, what: str) -> EngineError:
    oldest = ".".join(map(str, _OLDEST_PYTHON))
    reason = f": {what}" if what else ""
    return EngineError(
        f"the base image {base.name} does not do, a python3 of version {oldest} or later is needed{reason}"
    )
