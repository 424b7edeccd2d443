"""The audit log that a target file names: where it is, what its fields are called, and what is new in it."""

from __future__ import annotations

import stat
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.exchange import Evidence
from harness.http import Wire
from harness.strange_json import parse_json
from harness.unrecorded import UnrecordedClient
from harness.verdict import Blocked, Interrupted

FIELDS = ("agent", "subject", "scopes", "resource", "outcome", "tenant")
"""What an entry is asked for; in a log that says nothing else, its members are called so."""
PATIENCE = 5.0
"""Seconds for which an entry is waited for: servers may write their log behind the answer, and many lines at once."""
GRACE = 1.0
"""Seconds that are waited beyond others that came while it was waited: the missing one may have been among them."""
PAUSE = 0.02
LARGEST = 16 * 1024 * 1024
"""How much of what is new in a log is read, in bytes."""

Mark = tuple[int, int] | Counter[str]
"""How far a log had come: a file's identity and size, or the lines that a URL gave."""


@dataclass(frozen=True)
class AuditLog:
    """Where an MCP server writes its decisions down, as JSON lines.

    Args:
        file: the path of the file that it appends to; empty where it is at a URL.
        url: where all entries, or the last of them, can be had by GET.
        fields: what its members are called, by our name for them; those of nested objects are joined by dots.
    """

    file: str = ""
    url: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", {name: self.fields.get(name) or name for name in FIELDS})

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return self.file or self.url

    def beside(self, folder: Path) -> AuditLog:
        """Return it with its file in a folder, unless that has an absolute path."""
        return replace(self, file=str(folder / self.file)) if self.file else self


@dataclass(frozen=True)
class Entry:
    """One line of a log: as it was written, and its members."""

    text: str = field(repr=False)
    members: Mapping[str, Any] = field(repr=False)

    def value(self, path: str) -> Any:
        """Return a member by its name or its dotted path; None where there is none."""
        if path in self.members:
            return self.members[path]
        value: Any = self.members
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return value


class AuditReader:
    """Reads what is new in a log.

    Args:
        log: which log.
        wire: how a URL is asked, and what ends the run.
    """

    def __init__(self, log: AuditLog, wire: Wire) -> None:
        self.log = log
        self._wire = wire

    def mark(self) -> Mark:
        """Return how far the log has come.

        Raises:
            Blocked: it cannot be read.
        """
        return Counter(self._fetched()) if self.log.url else self._file_state()

    def continues(self, since: Mark) -> bool:
        """Tell whether a log that is a file is still the one of a mark: neither another one nor cut short.

        Raises:
            Blocked: it cannot be read.
        """
        if not isinstance(since, tuple) or since == (0, 0):
            return True
        inode, size = self._file_state()
        return inode == since[0] and size >= since[1]

    def lines(self, since: Mark) -> list[str]:
        """Return the whole lines that were written after a mark, in their order.

        Raises:
            Blocked: the log cannot be read, or too much is new.
        """
        if isinstance(since, tuple):
            return self._appended(*since)
        known = since.copy()
        new = []
        for line in self._fetched():
            if known[line] > 0:
                known[line] -= 1
            else:
                new.append(line)
        return new

    def check(self, act: Callable[[], object]) -> None:
        """Do something that is to be written down, and see whether what is new in the log can be read.

        Raises:
            Blocked: it cannot.
            Interrupted: the user ended the run.
        """
        since = self.mark()
        act()
        self.entries(since, enough=bool)

    def entries(self, since: Mark, enough: Callable[[list[Entry]], object], within: float | None = None) -> list[Entry]:
        """Wait until there are entries enough after a mark, and return all that there are.

        Args:
            since: the mark.
            enough: tells it of the entries so far.
            within: how many seconds are waited at most; `PATIENCE` where nothing is said.

        Raises:
            Blocked: the log cannot be read, or what is new in it are no JSON lines.
            Interrupted: the user ended the run.
        """
        end = time.monotonic() + (PATIENCE if within is None else within)
        pause, before = PAUSE, None
        while True:
            lines = self.lines(since)
            found = list(_entries(lines))
            now = time.monotonic()
            if enough(found) or now >= end:
                break
            before = len(found) if before is None else before  # these may be older than what is waited for
            end = min(end, now + GRACE) if len(found) > before else end
            if self._wire.stop.wait(pause):
                raise Interrupted
            pause = min(2 * pause, PATIENCE / 10)
        if self.log.file and not Path(self.log.file).exists():
            raise self._unreadable("there is no such file")
        if lines and not found:
            raise Blocked(f"{self.log.place} holds no JSON lines", "name a log of JSON objects, one in a line")
        return found

    def _file_state(self) -> tuple[int, int]:
        try:
            state = Path(self.log.file).stat()
        except FileNotFoundError:
            return 0, 0  # it may come with its first entry
        except OSError as fault:
            raise self._unreadable(fault.strerror) from fault
        if not stat.S_ISREG(state.st_mode):
            raise self._unreadable("it is no regular file")
        return state.st_ino, state.st_size

    def _appended(self, inode: int, size: int) -> list[str]:
        """Return the lines beyond a size, or all of a file that has taken the place of the marked one."""
        try:
            with Path(self.log.file).open("rb") as file:
                found, length = self._file_state()
                file.seek(size if found == inode and length >= size else 0)
                data = file.read(LARGEST + 1)
        except FileNotFoundError:
            return []
        except OSError as fault:
            raise self._unreadable(fault.strerror) from fault
        if len(data) > LARGEST:
            raise Blocked(f"{self.log.place} grew by more than {LARGEST} bytes, too much to look for one entry")
        return _lines(data[: data.rfind(b"\n") + 1].decode("utf-8", errors="replace"))

    def _fetched(self) -> list[str]:
        answer = UnrecordedClient(self._wire, Evidence()).send("GET", self.log.url)
        if answer.status != 200:
            raise self._unreadable(answer.summary())
        return _lines(answer.text)

    def _unreadable(self, why: str | None) -> Blocked:
        return Blocked(f"the audit log {self.log.place} cannot be read: {why}", "look at [audit] in the target file")


def _lines(text: str) -> list[str]:
    """Return the lines that hold something; what else Unicode takes for a line's end may stand within one."""
    return [line for line in text.removeprefix("\ufeff").split("\n") if line.strip()]


def _entries(lines: Iterable[str]) -> Iterable[Entry]:
    for line in lines:
        members = parse_json(line)
        if isinstance(members, dict):
            yield Entry(line, members)
