"""Where something listens in a pod, as its network namespace tells: what a server that is not reached does wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING

from harness.sandbox.containers.engine import Engine, EngineError

if TYPE_CHECKING:
    from docker.models.containers import Container

_PROGRAM = """
import json, pathlib
files = [pathlib.Path("/proc/net/tcp"), pathlib.Path("/proc/net/tcp6")]
print(json.dumps([line for file in files if file.exists() for line in file.read_text().splitlines()[1:]]))
"""
_LISTENS = "0A"
_LOOPBACK = ("0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F")
"""127.0.0.1, ::1 and ::ffff:127.0.0.1 as proc(5) writes them on a little-endian machine, which ours all are."""


class Listening(Enum):
    """Who is reached at a port, and what to do about it."""

    NOWHERE = "nothing listens at that port in the container: let the server listen there, on 0.0.0.0"
    LOOPBACK = "the server listens on 127.0.0.1, where its container alone reaches it: let it listen on 0.0.0.0"
    OUTSIDE = "something listens at that port, and does not speak HTTP there, or not in time"
    UNKNOWN = "in a container a server has to listen on 0.0.0.0: on 127.0.0.1 its container alone reaches it"


def listening(engine: Engine, container: Container, port: int) -> Listening:
    """Return who listens at a port in the network namespace of a container, one of ours that runs."""
    try:
        with engine.faults():
            said = container.exec_run(["python3", "-I", "-S", "-c", _PROGRAM], stderr=False).output
        assert isinstance(said, bytes)
        return who_listens(json.loads(said), port)
    except (EngineError, ValueError, TypeError, LookupError):
        return Listening.UNKNOWN


def who_listens(lines: Iterable[str], port: int) -> Listening:
    """Return who listens at a port, by the lines of `/proc/net/tcp` and `/proc/net/tcp6`."""
    places = (line.split()[1].split(":") for line in lines if line.split()[3] == _LISTENS)
    addresses = {address for address, number in places if int(number, 16) == port}
    if not addresses:
        return Listening.NOWHERE
    return Listening.LOOPBACK if addresses <= set(_LOOPBACK) else Listening.OUTSIDE
