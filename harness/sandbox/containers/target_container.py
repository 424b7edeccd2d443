"""The target as a container of the sandbox's pod: started with its settings, awaited, and asked for its log."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from harness.container_table import ContainerTable, port_of
from harness.redaction import Redactor
from harness.sandbox.containers.engine import EngineError
from harness.sandbox.containers.listening import listening
from harness.sandbox.containers.pod import NETWORK
from harness.sandbox.containers.target_image import target_image
from harness.sandbox.errors import SandboxError
from harness.target_file import TargetFile

if TYPE_CHECKING:
    from docker.models.containers import Container

    from harness.sandbox.containers.runtime import DockerSandbox

SERVICE = "target"
LOG_LINES = 50_000
LOG_BYTES = 2_000_000
"""How much of a log is kept, from its end."""

ROOT_CERTIFICATE = "/run/mcp-assay/root.pem"
"""Where the target finds the root certificate of a sandbox with TLS. No other file of the sandbox is there."""

_ALIVE = ("created", "running", "restarting", "paused")
_LOOK_SECONDS = 0.1
_ANSWER_SECONDS = 5.0
_BROKEN = 500


class TargetContainer:
    """A target in a container.

    Args:
        file: describes it; it has a `[target.container]`.
        sandbox: publishes the target's ports (`TargetTable.published`). It has to run when this one is started.
        folder: what the file's paths are relative to.
        say: is told what takes a while.
    """

    def __init__(
        self, file: TargetFile, sandbox: DockerSandbox, folder: Path, say: Callable[[str], None] = lambda _: None
    ) -> None:
        assert file.target.container
        self._table: ContainerTable = file.target.container
        self._file, self._sandbox, self._folder, self._say = file, sandbox, folder, say
        self._engine = sandbox.engine
        self._image: str | None = None
        self._container: Container | None = None

    @property
    def health_url(self) -> str:
        """Where it is asked whether it is ready: at its first port, by the scheme that its URL there has."""
        port = self._file.target.published[0]
        secure = any(url.startswith("https:") and port_of(url) == port for url in self._file.target.urls)
        return f"{'https' if secure else 'http'}://127.0.0.1:{port}{self._table.health or '/'}"

    @property
    def ended(self) -> bool:
        """Whether it was started and has ended of itself; that the engine does not tell is no end of the target's."""
        with suppress(EngineError):
            return self._over()
        return False

    def prepare(self) -> None:
        """Have its image, which may be done before the sandbox is started; nothing happens the second time.

        Raises:
            SandboxError: it cannot be had, or not be built.
        """
        if self._image is None:
            self._image = target_image(self._engine, self._table, self._folder, self._say)

    def start(self) -> None:
        """Start it, and do not wait.

        Raises:
            SandboxError: its image cannot be had, or the engine does not start it.
        """
        self.prepare()
        assert self._image
        command, binds = self._table.command or None, self._root_certificate()
        environment = self._table.filled(settings(self._file, self._sandbox))
        try:
            self._container = self._sandbox.pod.run(SERVICE, self._image, command, environment, binds=binds)
        except EngineError as fault:
            raise SandboxError(f"the target's container cannot be started: {fault}") from fault

    def await_healthy(self) -> None:
        """Wait until it answers at its health path, or at its first port at all, for as long as its table allows.

        Raises:
            SandboxError: it ended, or does not answer; its last lines are in the message.
        """
        deadline = time.monotonic() + self._table.ready_within
        while said := self._fault():
            if self._over():
                raise SandboxError(f"the target does not start: {self._end()}")
            if time.monotonic() >= deadline:
                raise SandboxError(self._not_ready(said))
            time.sleep(_LOOK_SECONDS)

    def last_words(self) -> str:
        """Return the last lines that it wrote; nothing where they are lost."""
        if self._container is None:
            return ""
        with suppress(EngineError):
            return self._engine.last_words(self._container)
        return ""

    def end_told(self) -> str:
        """Return the sentence for a target that ended of itself, with its last line: a traceback's says most."""
        ended, _, words = self._end().partition("\n")
        last = words.rpartition("\n")[2]
        return f"The target ended while it was judged: {ended} {last}".rstrip(": ") + "."

    def logs(self) -> bytes:
        """Return what it wrote, whole lines, the last 2 MB at most.

        Raises:
            SandboxError: the engine does not tell.
        """
        if self._container is None:
            return b""
        with self._engine.faults():
            log: bytes = self._container.logs(tail=LOG_LINES)
        return (
            log if len(log) <= LOG_BYTES else log[-LOG_BYTES:].partition(b"\n")[2]
        )  # half a secret is not known for one

    def keep_logs(self, path: Path, redactor: Redactor) -> None:
        """Write what it wrote to a file, without the run's secrets.

        Raises:
            SandboxError: the engine does not tell.
            OSError: the file cannot be written.
        """
        text = redactor.log(self.logs().decode(errors="replace"))
        path.write_text(text, encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """Remove it; nothing happens the second time, or where the engine is gone."""
        from docker.errors import NotFound

        container, self._container = self._container, None
        if container is None:
            return
        with suppress(EngineError), self._engine.faults(), suppress(NotFound):
            container.remove(v=True, force=True)

    def __enter__(self) -> Self:
        self.start()
        try:
            self.await_healthy()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _over(self) -> bool:
        from docker.errors import NotFound

        if self._container is None:
            return False
        with self._engine.faults():
            try:
                self._container.reload()
            except NotFound:
                return True
        return self._container.status not in _ALIVE

    def _fault(self) -> str:
        """Return what it lacks to be ready; nothing where it is."""
        import httpx

        try:
            with (
                httpx.Client(verify=False, trust_env=False, timeout=_ANSWER_SECONDS) as client,  # noqa: S501 - see below
                client.stream("GET", self.health_url) as response,
            ):
                status = response.status_code  # that it answers is all that is asked: no secret goes there
        except httpx.HTTPError as fault:
            why = str(fault).rstrip(".")
            return f"does not answer ({why})" if why else "does not answer"
        return f"answers {status}" if self._table.health and status >= _BROKEN else ""

    def _root_certificate(self) -> list[str]:
        """Return how the container sees the root certificate of the sandbox, where there is one."""
        if self._sandbox.authority is None:
            return []
        file = self._sandbox.directory / "target-root.pem"
        try:
            self._sandbox.authority.write_root(file)
        except OSError as fault:
            raise SandboxError(f"the root certificate cannot be written: {fault}") from fault
        return [f"{file}:{ROOT_CERTIFICATE}:ro,z"]

    def _end(self) -> str:
        assert self._container
        return self._redacted(str(self._engine.died(self._container)))

    def _redacted(self, text: str) -> str:
        """Return what the target wrote without the secrets that it was given: it is told where everybody looks."""
        return Redactor(secrets=self._table.secrets()).log(text)

    def _not_ready(self, said: str) -> str:
        """Say why it is not ready, with what its network tells."""
        port = self._file.target.published[0]
        sentence = f"the target was not ready within {self._table.ready_within} seconds: {self.health_url} {said}"
        if "answers" not in said.split()[:1]:
            who = listening(self._engine, self._sandbox.pod.containers[NETWORK], port)
            sentence = f"{sentence}; {who.value}"
        words = self._redacted(self.last_words())
        return f"{sentence}:\n{words}" if words else f"{sentence}; it wrote nothing"


def settings(file: TargetFile, sandbox: DockerSandbox) -> dict[str, str]:
    """Return what stands for each of `PLACEHOLDERS`; there is no root certificate where the sandbox has no TLS."""
    from fixtures.world import load_world

    tenant, registered = file.sandbox.tenant, load_world().federation
    issuer = sandbox.layout.issuer(tenant)
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/jwks",
        "audience": file.resources.primary or file.target.mcp_server or "",
        "tenant": tenant,
        "idp": sandbox.layout.idp_issuer(tenant),
        "idp_client_id": registered["client_id"],
        "idp_client_secret": registered["client_secret"],
        **({"root_certificate": ROOT_CERTIFICATE} if sandbox.authority else {}),
    }


def log_beside(report: Path) -> Path:
    """Return where the target's log is kept beside a report: `run.target.log` for `run.json`."""
    return report.with_name(f"{report.stem}.target.log")
