"""Where the command and the pytest plugin begin: under a name of its own, as folders of the user's may share others."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

HERE = Path(__file__).resolve().parent
PACKAGES = ("fixtures", "harness", "mock_idp", "reports", "scenarios")
OUR_FAULT, INTERRUPTED = 4, 130
MARKER = "assay(role, area, level): a scenario of mcp-assay, such as assay(level='MUST')"


def main() -> None:
    """Run `mcp-assay`; our packages come first, and nothing from the current folder, whatever PYTHONPATH names."""
    others = [entry for entry in sys.path if _harmless(Path(entry).resolve())]
    sys.path[:] = sorted(others, key=lambda entry: shadows(Path(entry)))
    try:
        from harness.cli import main as command
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception:  # Python would end with 1, which says that a requirement is violated
        _show_crash()
        sys.exit(OUR_FAULT)
    command()


def shadows(folder: Path) -> bool:
    """Whether a folder of somebody else's holds something with the name of a package of ours."""
    return folder.resolve() != HERE and any((folder / package).exists() for package in PACKAGES)


def _harmless(folder: Path) -> bool:
    return folder == HERE or folder != Path.cwd()


def _show_crash() -> None:
    import traceback

    traceback.print_exc()
    print("mcp-assay cannot be loaded: its installation is damaged or incomplete.", file=sys.stderr)  # noqa: T201


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the plugin; nothing else of us is imported until one of them is used."""
    group = parser.getgroup("mcp-assay", "judging a target with mcp-assay")
    add = group.addoption
    add("--assay-target", metavar="FILE", help="Judge the target of this file: each scenario is a test item.")
    add("--assay-spec", metavar="REVISION", help="The MCP revision to judge by, in the place of the file's.")
    add("--assay-examples", type=int, default=1, metavar="TIMES", help="So many times the usual generated examples.")
    add("--assay-max-wait", type=float, default=0.0, metavar="SECONDS", help="A scenario may wait so long for an end.")
    add("--assay-strict", action="store_true", help="Warnings fail.")
    add("--assay-allow-blocked", action="store_true", help="What cannot be judged is skipped rather than failed.")


def pytest_configure(config: pytest.Config) -> None:
    """Begin where a target file is named.

    Raises:
        UsageError: the target file has mistakes, or the names of our packages are taken.
    """
    config.addinivalue_line("markers", MARKER)
    if config.getoption("assay_target") is not None:  # an empty one is a mistake, and no wish to judge nothing
        check_names("harness", "reports", "scenarios")
        from harness.pytest_plugin import begin

        begin(config)


def check_names(*names: str) -> None:
    """Make sure that packages of ours are imported from where we are, though tests may be found by the same names.

    Raises:
        UsageError: a name leads somewhere else.
    """
    import importlib
    from importlib.util import find_spec

    for name in names:
        found = find_spec(name)
        places = [*((found and found.submodule_search_locations) or ()), found and found.origin]
        if Path(str(places[0])).resolve().parent != HERE:
            import pytest

            raise pytest.UsageError(
                f"--assay-target: {name!r} is also the name of a package of mcp-assay, and {places[0]} comes first: "
                "keep that off sys.path (with --import-mode=importlib pytest puts nothing there), "
                "or judge with `mcp-assay run`"
            )
        importlib.import_module(name)


if __name__ == "__main__":
    main()
