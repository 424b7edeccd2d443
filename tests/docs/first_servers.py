"""The servers that the guide shows: started as they are written there, but for the ports, and judged by the command."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.addresses import free_base
from tests.cli.assay import BOUND_SECONDS, Ended, run_assay, running_assay
from tests.docs.test_docs import ROOT, blocks

GUIDE = ROOT / "docs" / "guides" / "judge-an-mcp-server.md"
EXAMPLES = ROOT / "docs" / "examples" / "mcp-servers"
PYTHON_SDK, FASTMCP, TYPESCRIPT_SDK, TARGET = (
    "python_sdk_server.py",
    "fastmcp_server.py",
    "server.mjs",
    "mcp-assay.toml",
)
OFFSETS = (0, 1, 10, 11, 20)
"""The ports of an issuer that runs alone, from its first one, and that of the server."""


def shown(name: str) -> str:
    """Return an example's text, which the guide must show as it is."""
    text = (EXAMPLES / name).read_text()
    assert text in blocks(GUIDE, "python", "js", "toml")
    return text


def announced(server: str) -> set[str]:
    """Return the violations that the guide tells of a server."""
    _, _, told = GUIDE.read_text().partition(f"\n- {server}")
    assert told
    return set(re.findall(r"`(mcp/[\w/-]+)`", re.split(r"\n- |\n\n", told)[0]))


def violations(name: str, command: list[str], folder: Path) -> set[str]:
    """Go the way of the guide with one of its servers, and return what failed.

    Args:
        name: the example.
        command: starts what is in the file that is appended to it.
        folder: an empty one, where the files are written.
    """
    base = free_base(OFFSETS)
    variables = {"XDG_STATE_HOME": str(folder / "state")}
    (folder / name).write_text(_moved(shown(name), base))
    (folder / TARGET).write_text(f"{_moved(shown(TARGET), base)}\n[sandbox]\nport = {base}\n")
    with _issuer(base, variables), _served([*command, name], folder):
        ended = run_assay("run", "--json", folder / "report.json", cwd=folder, variables=variables)
    return _failed(ended, folder / "report.json")


def _failed(ended: Ended, report: Path) -> set[str]:
    assert report.is_file(), ended
    results = json.loads(report.read_text())["results"]
    assert {item["verdict"] for item in results} <= {"passed", "failed", "warning", "not-applicable"}, ended
    failed = {item["scenario"] for item in results if item["verdict"] == "failed"}
    assert ended.code == (1 if failed else 0), ended
    return failed


def _moved(text: str, base: int) -> str:
    """Return the text with our ports in the place of the usual ones."""
    return text.replace(":7401", f":{base + 1}").replace("8000", str(base + 20))


@contextmanager
def _issuer(base: int, variables: Mapping[str, str]) -> Iterator[None]:
    resource = f"http://127.0.0.1:{base + 20}/mcp"
    with running_assay("serve-issuer", "--port", str(base), "--resource", resource, variables=variables) as process:
        assert process.stdout
        said = process.stdout.readline()
        assert "ready" in said, said
        yield
        process.terminate()
        process.communicate(timeout=BOUND_SECONDS)


@contextmanager
def _served(command: list[str], folder: Path) -> Iterator[None]:
    """Run a server until the block ends; what it says is read all the while, so that it never has to wait for that."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said: list[str] = []
    ready = threading.Event()

    def listen() -> None:
        assert process.stdout
        for line in process.stdout:
            said.append(line)
            if "Uvicorn running" in line or "Serving" in line:
                ready.set()

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        assert ready.wait(BOUND_SECONDS), "".join(said)
        yield
    finally:
        process.terminate()
        process.wait(BOUND_SECONDS)
        listener.join()
        assert process.stdout
        process.stdout.close()
