"""A Docker engine of a test's own, which may be killed: the machine's is everybody's."""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Self

from docker.errors import APIError

from harness.sandbox.containers.engine import Engine

READY_SECONDS = 60.0
_READY = b"API listen on"
_LAST_LINES = 20


class PrivateEngine:
    """A dockerd with a folder, a bridge and a containerd of its own.

    Attributes:
        address: the value of DOCKER_HOST.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="engine-"))  # the paths of its sockets have to be short
        self._bridge = f"assay{os.getpid()}"
        self._containerd = f"assay-{os.getpid()}"
        self._said: list[bytes] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: Thread | None = None
        self.address = f"unix://{self._folder}/docker.sock"

    def start(self) -> None:
        """Start it, or start it again, and wait until it answers."""
        (self._folder / "exec" / "containerd" / "containerd.pid").unlink(missing_ok=True)  # killed with its parent
        self._process = subprocess.Popen(
            self._command(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
        ready = Event()
        self._reader = Thread(target=self._read, args=(self._process, ready))
        self._reader.start()
        if not ready.wait(READY_SECONDS) or self._process.poll() is not None:
            raise AssertionError(b"the private engine did not start:\n" + b"".join(self._said[-_LAST_LINES:]))

    def kill(self) -> None:
        """Kill it with signal 9; its containers go on without it."""
        self._end(signal.SIGKILL)

    def load(self, image: str, source: Engine) -> None:
        """Give it an image of another engine's."""
        with self.connect() as own:
            own.patient.images.load(b"".join(source.patient.api.get_image(image)))

    def connect(self) -> Engine:
        """Return a connection to it."""
        return Engine.connect(environment={"DOCKER_HOST": self.address})

    def __enter__(self) -> Self:
        _ip("link", "add", self._bridge, "type", "bridge")
        try:
            _ip("address", "add", f"10.{200 + os.getpid() % 50}.{os.getpid() % 250}.1/24", "dev", self._bridge)
            _ip("link", "set", self._bridge, "up")
            self.start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._process is None:
                self.start()
            with self.connect() as own:
                for container in own.client.api.containers(all=True):
                    with suppress(APIError):  # another one is removing it
                        own.client.api.remove_container(container["Id"], force=True)
        finally:
            self._remove()

    def _command(self) -> list[str]:
        options = {
            "data-root": self._folder / "data",
            "exec-root": self._folder / "exec",
            "pidfile": self._folder / "pid",
            "host": self.address,
            "bridge": self._bridge,
            "containerd-namespace": self._containerd,
            "containerd-plugins-namespace": f"{self._containerd}-plugins",
            "iptables": "false",
            "ip6tables": "false",
            "group": str(os.getgid()),
        }
        return ["dockerd", *(f"--{name}={value}" for name, value in options.items())]

    def _read(self, process: subprocess.Popen[bytes], ready: Event) -> None:
        assert process.stderr
        for line in process.stderr:
            self._said.append(line)
            if _READY in line:
                ready.set()
        ready.set()

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        process.wait(READY_SECONDS)
        if self._reader:
            self._reader.join(READY_SECONDS)
        assert process.stderr
        process.stderr.close()

    def _remove(self) -> None:
        self._end(signal.SIGTERM)
        mounted = [line.split()[1] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
        for path in sorted((each for each in mounted if each.startswith(f"{self._folder}/")), reverse=True):
            ended = subprocess.run(["umount", "--lazy", path], check=False, capture_output=True)
            assert not (ended.returncode and os.path.ismount(path)), ended.stderr
        shutil.rmtree(self._folder)
        with suppress(subprocess.CalledProcessError):
            _ip("link", "delete", self._bridge)


def lacking() -> str:
    """Return why no such engine can be had here; nothing where it can."""
    if os.geteuid() != 0:
        return "only root may start an engine"
    return "" if all(map(shutil.which, ("dockerd", "ip"))) else "dockerd or ip is not installed: run .ci/engine"


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
