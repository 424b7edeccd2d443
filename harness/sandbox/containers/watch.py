"""Notices when a container of a sandbox ends of itself, or when its engine does, without asking again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from harness.sandbox.containers.faults import EngineError
from harness.sandbox.containers.labels import SANDBOX, SERVICE

if TYPE_CHECKING:
    from harness.sandbox.containers.engine import Engine

_OVER = {"exited", "dead", "removing"}
_JOIN_SECONDS = 1.0
_PAUSE_SECONDS = 0.25


class Watch:
    """A thread that listens to the engine's events.

    Attributes:
        ended: the services whose container ended, the first one first.
        lost: why the engine does not tell any more; None while it does.

    Args:
        engine: which one.
        sandbox: the sandbox's id.
        on_end: is called by the thread after each change of `ended` or `lost`.
    """

    def __init__(self, engine: Engine, sandbox: str, on_end: Callable[[], None]) -> None:
        self.ended: list[str] = []
        self.lost: EngineError | None = None
        self._engine = engine
        self._label = f"{SANDBOX}={sandbox}"
        self._on_end = on_end
        self._events: Any = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin, before there are any containers or after."""
        _ = self._engine.patient  # made here: not by two threads at once
        self._thread.start()

    def stop(self) -> None:
        """Notice nothing more; nothing happens the second time."""
        self._stopped.set()
        if self._events is not None:
            with suppress(Exception):  # whatever the SDK finds to complain about in a stream that is over
                self._events.close()
        if self._thread.is_alive():
            self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._listen()
                self._look()
            except EngineError as fault:
                if not self._stopped.is_set():
                    self.lost = fault
                    self._on_end()
                return
            self._stopped.wait(_PAUSE_SECONDS)  # it may refuse to tell, and go on all the same

    def _listen(self) -> None:
        """Note what ends until the stream does: the engine ended it, or was silent for long."""
        from harness.sandbox.containers import sdk

        asked = {"label": self._label, "event": "die"}
        with suppress(EngineError), self._engine.faults(), sdk.events(self._engine.patient.api, asked) as events:
            self._events = events
            self._look()  # at what ended before
            if self._stopped.is_set():  # which closes a stream that it sees
                return
            for event in events:
                self._note(event["Actor"]["Attributes"].get(SERVICE, ""))

    def _look(self) -> None:
        if self._stopped.is_set():
            return
        with self._engine.faults():
            found = self._engine.client.api.containers(all=True, filters={"label": [self._label]})
        for each in found:
            if each["State"] in _OVER:
                self._note(each["Labels"].get(SERVICE, ""))

    def _note(self, service: str) -> None:
        if not self._stopped.is_set() and service not in self.ended:
            self.ended.append(service)
            self._on_end()
