"""Where the command begins: under a name of its own, before any package whose name a folder of the user's may share."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Run `mcp-assay`; nothing is imported from the current folder, not even where PYTHONPATH names it."""
    sys.path[:] = [entry for entry in sys.path if _harmless(Path(entry).resolve())]
    from harness.cli import main as command

    command()


def _harmless(folder: Path) -> bool:
    return folder == HERE or folder != Path.cwd()


if __name__ == "__main__":
    main()
