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
from pathlib import Path

from rich.console import Console
from rich.text import Text

from harness.sandbox.embedded import EmbeddedSandbox
from harness.sandbox.sockets import DEFAULT_PORT

IMAGE = Path(__file__).parent / "images" / "run.svg"
MUTANT = "as-pkce-plain-verifier"
COMMAND = "mcp-assay run as/pkce as/refresh as/revocation"
TARGET_FILE = f"""
[target]
mcp_server = "http://127.0.0.1:{DEFAULT_PORT + 2}/acme/mcp"

[login]
method = "form"
hint = "alice"
pages = [{{ press = "Allow" }}]

[clients.resource_server]
client_id = "mcp-server"
auth_method = "client_secret_basic"
secret_env = "RESOURCE_SERVER_SECRET"
"""
WIDTH = 118
LINES = 60
PROGRESS = re.compile(r"\x1b\[\?25l.*?\x1b\[1A\x1b\[2K", re.DOTALL)
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def main() -> None:
    """Judge a sandbox that has one thing wrong, and draw what the terminal showed."""
    with EmbeddedSandbox(DEFAULT_PORT, mutant=MUTANT), tempfile.TemporaryDirectory() as folder:
        Path(folder, "mcp-assay.toml").write_text(TARGET_FILE)
        shown = _on_a_terminal(COMMAND.split(), folder)
    IMAGE.write_text(_drawn(PROGRESS.sub("", shown)))


def _on_a_terminal(command: list[str], folder: str) -> str:
    """Run our command in a folder with a terminal as its output, and return all that it wrote there."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (LINES, WIDTH))
    program = str(Path(sys.executable).with_name(command[0]))
    variables = {**os.environ, "RESOURCE_SERVER_SECRET": "acme-mcp-server-secret", "TERM": "xterm-256color"}
    with subprocess.Popen(  # noqa: S603 - our own program
        [program, *command[1:]], cwd=folder, env=variables, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
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
