"""The sandbox's image: built once on an engine, and found again by what it is made of."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

from harness.sandbox.containers import context
from harness.sandbox.containers.base import Base, base_image, python_of
from harness.sandbox.containers.dependencies import closure, installed_here
from harness.sandbox.containers.engine import Engine, EngineError
from harness.sandbox.containers.leftovers import PREFIX
from harness.sandbox.containers.owner import Owner

REPOSITORY = "mcp-assay-sandbox"

_MADE_BY = ("base.py", "context.py", "dependencies.py", "sbom.py", "wheels.py")
_STAGE = "mcp-assay.stage"
_LAST_LINES = 15


def built(engine: Engine, base: str, say: Callable[[str], None]) -> str:
    """Return the tag of the sandbox's image; it is built where the engine does not have it.

    Args:
        engine: where the image is, or will be.
        base: the image that it is made from; the engine pulls it where it lacks it.
        say: is told what takes long.

    Raises:
        EngineError: the base cannot be had or does not do, or the engine cannot build.
        SandboxError: the dependencies cannot be had.
    """
    found = base_image(engine, base, say)
    tag = tag_on(found)
    if _exists(engine, tag):
        return tag
    with _one_at_a_time():
        if not _exists(engine, tag):
            say(f"building the sandbox's image {tag} on {base}, once")
            _build(engine, found, tag)
    return tag


def ready(engine: Engine, base: str) -> str | None:
    """Return the tag of the sandbox's image where the engine has it; nothing is pulled or built.

    Raises:
        EngineError: the engine did not tell, or the base is for another platform than the image is made for.
    """
    if not _exists(engine, base):
        return None
    tag = tag_on(base_image(engine, base, lambda _: None))
    return tag if _exists(engine, tag) else None


def tag_on(base: Base) -> str:
    """Return the image's tag, which covers all that the image is made of: its base, our sources, the dependencies."""
    digest = hashlib.sha256()
    for part in _parts(base):
        digest.update(len(part).to_bytes(8, "big") + part)
    return f"{REPOSITORY}:{digest.hexdigest()[:16]}"


def _parts(base: Base) -> Iterable[bytes]:
    yield from (word.encode() for word in (base.name, base.identity, base.architecture, context.our_version()))
    yield context.recipe()
    yield "\n".join(closure(installed_here, None).pins).encode()
    for name, path in context.sources():
        yield name.encode()
        yield path.read_bytes()
    for name in _MADE_BY:
        yield Path(__file__).with_name(name).read_bytes()


def _exists(engine: Engine, name: str) -> bool:
    from docker.errors import ImageNotFound

    with engine.faults():
        try:
            engine.client.images.get(name)
        except ImageNotFound:
            return False
    return True


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let one process of this user build at a time: the next one finds what it wanted."""
    path = Path(tempfile.gettempdir()) / f"mcp-assay-build-{os.getuid()}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EngineError(f"the lock file of the image's build cannot be used: {error}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _build(engine: Engine, base: Base, tag: str) -> None:
    python = python_of(engine, base)
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX) as scratch,
        Owner(Path(scratch)),  # a sweep removes it should we be killed meanwhile
        tempfile.TemporaryFile() as packed,
    ):
        folder = Path(scratch) / "context"
        context.write_context(folder, [base.architecture], base.name, python)
        context.pack(folder, packed)
        packed.seek(0)
        try:
            with engine.faults():
                _follow(_building(engine, packed, tag))
        finally:
            _tidy(engine, tag)


def _building(engine: Engine, packed: IO[bytes], tag: str) -> Iterable[dict[str, Any]]:
    """Begin to build, and return what the engine says meanwhile."""
    said = engine.patient.api.build(
        fileobj=packed, custom_context=True, tag=tag, buildargs={"STAGE": tag}, rm=True, forcerm=True,
        network_mode="none", decode=True,
    )  # fmt: skip
    return cast("Iterable[dict[str, Any]]", said)


def _tidy(engine: Engine, tag: str) -> None:
    """Remove what the stage before the last one left; where that fails, the image is there all the same."""
    with suppress(EngineError), engine.faults():
        engine.client.images.prune(filters={"dangling": True, "label": f"{_STAGE}={tag}"})


def _follow(said: Iterable[dict[str, Any]]) -> None:
    """Read to the end what the engine says of a build.

    Raises:
        BuildError: it failed; the last lines are in the message.
    """
    from docker.errors import BuildError

    lines: list[str] = []
    failed = False
    for event in said:
        lines += filter(str.strip, str(event.get("stream") or event.get("error") or "").splitlines())
        failed = failed or "error" in event
    if failed:
        words = "\n".join(lines[-_LAST_LINES:])
        raise BuildError(f"the sandbox's image cannot be built:\n{words}", iter(()))
