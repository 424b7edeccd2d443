"""The one entry to lint, types, tests, mutants, docs, benchmarks and real targets; run in the current environment."""

import sys

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "tests", "mutants", "docs"]
PYTHON = sys.executable
COMMAND = (PYTHON, "-P", "-m", "mcp_assay")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.run(PYTHON, "-m", "ruff", "check", ".")
    session.run(PYTHON, "-m", "ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    session.run(PYTHON, "-m", "mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the project's own tests; what follows `--` goes to pytest."""
    session.run(PYTHON, "-m", "pytest", "-n", "2", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Run the whole matrix: each mutant must fail exactly the scenarios that it declares."""
    session.run(*COMMAND, "mutants", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Check that the generated reference pages are up to date; `-- --write` writes them."""
    session.run(PYTHON, "-m", "docs.reference", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Print figures: start-up, readiness, scenarios per second, memory, gain by jobs."""
    session.run(PYTHON, "-m", "tests.bench", *session.posargs)


@nox.session
def targets(session: nox.Session) -> None:
    """Judge real targets: authorization servers and MCP servers that nobody here wrote; npm and pip install them."""
    session.run(PYTHON, "-m", "pytest", "-m", "targets", "tests/targets", *session.posargs)
