"""Base images that cannot be had, and such that do not do; and the image's build on one that does."""

from __future__ import annotations

import io
import json
import re
import secrets
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.sandbox.containers import context
from harness.sandbox.containers.base import base_image as base_of
from harness.sandbox.containers.base import python_of
from harness.sandbox.containers.engine import Engine, EngineError
from harness.sandbox.containers.image import built, ready

MakeBase = Callable[[str, str], str]
OTHER = {
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "python_full_version": "3.9.2",
    "python_version": "3.9",
    "libc": ["glibc", "2.31"],
}


@pytest.fixture
def no_dependencies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare pip's time where the image's build is looked at, and not what is in the image."""
    monkeypatch.setattr(context, "install", lambda *_: {})


def saying(answer: str, otherwise: str = "") -> str:
    """A stand-in for python3: it answers a program in its arguments, and else exits with what is said."""
    program = f"import sys\nprint({answer!r}) if '-c' in sys.argv else sys.exit({otherwise!r})\n"
    return f"#!/usr/bin/python3.11\n{program}"


def packed(files: dict[str, str]) -> io.BytesIO:
    """A tar of these files, all executable."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.mode, member.size = 0o755, len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    buffer.seek(0)
    return buffer


@pytest.fixture
def make_base(engine: Engine) -> Iterator[MakeBase]:
    """Makes an image from another one and a file `python3` in it; all are removed at the end."""
    made: list[str] = []

    def make(parent: str, python3: str) -> str:
        tag = f"mcp-assay-test-odd:{secrets.token_hex(4)}"
        files = packed({"Dockerfile": f"FROM {parent}\nCOPY python3 /usr/local/bin/", "python3": python3})
        engine.client.images.build(fileobj=files, custom_context=True, tag=tag, rm=True)
        made.append(tag)
        return tag

    yield make
    for tag in made:
        for image in engine.client.images.list(filters={"label": f"org.opencontainers.image.base.name={tag}"}):
            engine.client.images.remove(image.tags[0], force=True)
        engine.client.images.remove(tag, force=True)


def test_a_base_that_cannot_be_had_is_named(engine: Engine) -> None:
    said: list[str] = []
    with pytest.raises(EngineError, match=r"does not have the base image 127\.0\.0\.1:1/none:1 and cannot get it"):
        built(engine, "127.0.0.1:1/none:1", said.append)
    assert said == ["pulling the base image 127.0.0.1:1/none:1"]
    assert ready(engine, "127.0.0.1:1/none:1") is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (json.dumps(OTHER), "a python3 of version 3.11 or later is needed: it has Python 3.9.2"),
        (json.dumps({**OTHER, "python_version": "3.12", "libc": ["", ""]}), "has CPython with another C library"),
        ("what a surprise", "a python3 of version 3.11 or later is needed: what a surprise"),
        ("[]", "a python3 of version 3.11 or later is needed: []"),
    ],
)
def test_a_base_with_another_python_does_not_do(
    engine: Engine, base_image: str, make_base: MakeBase, answer: str, reason: str
) -> None:
    tag = make_base(base_image, saying(answer))
    with pytest.raises(EngineError, match=re.escape(reason)):
        python_of(engine, base_of(engine, tag, print))


def test_a_base_without_python_does_not_do(engine: Engine, make_base: MakeBase) -> None:
    tag = make_base("scratch", "")
    with pytest.raises(EngineError, match=r"python3|exec format error"):
        python_of(engine, base_of(engine, tag, print))
    assert engine.client.containers.list(all=True, filters={"ancestor": tag}) == []


def left_by(engine: Engine, said: str) -> list[str | None]:
    """What a build that was told of has left besides the image."""
    tag = said.split()[4]
    stages = engine.client.images.list(filters={"dangling": True, "label": f"mcp-assay.stage={tag}"})
    return [each.id for each in stages]


@pytest.mark.usefixtures("no_dependencies")
def test_a_build_that_fails_shows_its_last_lines(engine: Engine, base_image: str, make_base: MakeBase) -> None:
    answer = json.dumps({**OTHER, "python_version": "3.11", "sys_platform": "linux", "libc": ["glibc", "2.36"]})
    tag = make_base(base_image, saying(answer, "no compiler today"))
    said: list[str] = []
    with pytest.raises(EngineError, match=r"(?s)the sandbox's image cannot be built:.*no compiler today") as failure:
        built(engine, tag, said.append)
    assert len(str(failure.value).splitlines()) <= 16
    assert left_by(engine, said[0]) == []


@pytest.mark.usefixtures("no_dependencies")
def test_two_at_once_build_it_once(engine: Engine, base_image: str, make_base: MakeBase) -> None:
    base = make_base(base_image, "#!/usr/bin/python3.11\nimport os, sys\nos.execv('/usr/bin/python3', sys.argv)\n")
    said: list[str] = []

    def build(_: int) -> str:
        with Engine.connect() as own:
            return built(own, base, said.append)

    with ThreadPoolExecutor(2) as pool:
        tags = set(pool.map(build, range(2)))
    assert len(tags) == 1
    assert said == [f"building the sandbox's image {tags.pop()} on {base}, once"]
    assert left_by(engine, said[0]) == []
