"""The README's picture: a real run, as a terminal shows it. `python -m docs.picture` makes it anew."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

IMAGE = Path(__file__).parent / "images" / "run.svg"
MUTANT = "mcp-audience-optional"
PORT = 8000
COMMAND = "mcp-assay run"
TARGET_FILE = f"""
[target]
mcp_server = "http://127.0.0.1:{PORT}/acme/mcp"
trusts = "sandbox"

[tools.read_dashboard]
scopes = ["urn:infra:monitoring:read"]
arguments = {{ name = "latency" }}
"""
WIDTH = 118
LINES = 60
PROGRESS = re.compile(r"\x1b\[\?25l.*?\x1b\[1A\x1b\[2K", re.DOTALL)
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def main() -> None:
    """Judge an MCP server that has one thing wrong, and draw what the terminal showed."""
    with _mutant(), tempfile.TemporaryDirectory() as folder:
        Path(folder, "mcp-assay.toml").write_text(TARGET_FILE)
        shown = _on_a_terminal(COMMAND.split(), folder)
    IMAGE.write_text(_drawn(PROGRESS.sub("", shown)))


@contextmanager
def _mutant() -> Iterator[None]:
    """Run the sample MCP server with a mutant's change in place."""
    module = [sys.executable, "-m", "fixtures.mutants", MUTANT, "mcp_server"]
    options = [f"--port={PORT}", f"--control-port={PORT + 10}", "--exit-with-parent"]
    with subprocess.Popen(  # noqa: S603 - our own module
        [*module, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield


def _on_a_terminal(command: list[str], folder: str) -> str:
    """Run our command in a folder with a terminal as its output, and return all that it wrote there."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (LINES, WIDTH))
    program = str(Path(sys.executable).with_name(command[0]))
    with subprocess.Popen(  # noqa: S603 - our own program
        [program, *command[1:]],
        cwd=folder,
        env={**os.environ, "TERM": "xterm-256color"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ):
        os.close(theirs)
        return _read(ours).decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    """Read until nobody writes to a terminal any more, which Linux reports as an error."""
    seen = b""
    try:
        while heard := os.read(terminal, 65_536):
            seen += heard
    except OSError:
        pass
    os.close(terminal)
    return seen


def _drawn(shown: str) -> str:
    """Return a terminal's content as SVG that loads nothing from elsewhere."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(f"[green]$[/] {COMMAND}", highlight=False)
    console.print(Text.from_ansi(shown.strip()))
    return FONTS.sub("", console.export_svg(title="mcp-assay", unique_id="run"))


if __name__ == "__main__":
    main()
