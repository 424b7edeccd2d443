"""The folder for `docker compose up`: the file, what its image is built from, and what its containers share with it."""

from __future__ import annotations

import hashlib
import shutil
import ssl
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fixtures.service.serve import TOKEN_VARIABLE
from harness.sandbox.authority import Authority, TlsFiles
from harness.sandbox.containers.base import Base, base_image, python_of
from harness.sandbox.containers.compose import IMAGE, SHARED_FOLDER, compose_text, published
from harness.sandbox.containers.context import write_context
from harness.sandbox.containers.engine import Engine
from harness.sandbox.containers.files import TLS_FOLDER, Files
from harness.sandbox.containers.image import tag_on
from harness.sandbox.containers.pod import NETWORK, Belongings, Pod
from harness.sandbox.errors import SandboxError
from harness.sandbox.layout import Layout
from harness.sandbox.sockets import Sockets

FILE = "compose.yaml"
MARK = "Written by `mcp-assay compose`, which replaces this file and the folder image when it is called again."
TENANT = "acme"
_SCRATCH = f".{IMAGE}-"  # what is left of one who was killed while writing
_BUILDKIT = "DOCKER_BUILDKIT=1 COMPOSE_DOCKER_CLI_BUILD=1 docker-compose up"
_OURS_ALONE, _EVERYBODY = 0o700, 0o777


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        file: the compose file.
        layout: where the services will be.
        root: the root certificate to import; None without TLS.
    """

    file: Path
    layout: Layout
    root: Path | None


@dataclass(frozen=True)
class Wanted:
    """What is to be written.

    Attributes:
        port: the base of the six ports.
        base: what the image is built on.
        architectures: what it is built for; the engine's own where none is named.
        tls: whether the services speak https.
    """

    port: int
    base: str
    architectures: Sequence[str] = ()
    tls: bool = False

    @property
    def layout(self) -> Layout:
        """Where the services will be."""
        return Sockets({}, self.port).layout(tls=self.tls)

    def on(self, base: Base) -> Sequence[str]:
        """Return the architectures for a base image."""
        return self.architectures or (base.architecture,)


def write_compose(engine: Engine, directory: Path, wanted: Wanted, say: Callable[[str], None]) -> Written:
    """Write the folder, or bring up to date what was written there before.

    Nobody but the user may enter the folder, since everybody may read and write what the containers share with it.

    Args:
        engine: has or gets the base image, and is asked for its Python.
        directory: the folder; it may be new, empty or one of ours.
        wanted: what is to be written.
        say: is told what takes a while.

    Raises:
        SandboxError: it holds something else, cannot be written, or the base image or the dependencies cannot be had.
    """
    _check(directory)
    base = base_image(engine, wanted.base, say)
    python = python_of(engine, base)
    with _told(directory):
        directory = _made(directory)
        _replace(directory / IMAGE, lambda to: write_context(to, wanted.on(base), base.name, python))
        belongings = Belongings(_identity(directory), Path(), _shared(directory))
        certified = _certified(belongings.shared / TLS_FOLDER) if wanted.tls else None
        image, layout = tag_on(base), wanted.layout
        pod = Pod(engine, image, belongings, published(layout))
        header = _header(layout, pod.name, certified, several=len(wanted.architectures) > 1)
        text = compose_text(pod, image, belongings.shared, layout, Files(certified=certified), header)
        (directory / FILE).write_text(text, encoding="utf-8")
    return Written(directory / FILE, layout, certified.root if certified else None)


def _check(directory: Path) -> None:
    """Look whether a folder is new, empty or ours."""
    with _told(directory):
        if not directory.exists():
            return
        if not directory.is_dir():
            raise SandboxError(f"{directory} is no folder; name one that is new or empty")
        file = directory / FILE
        ours = file.is_file() and file.read_text(encoding="utf-8", errors="replace").startswith(f"# {MARK}\n")
        if not ours and any(not path.name.startswith(_SCRATCH) for path in directory.iterdir()):
            raise SandboxError(f"{directory} holds something else than `mcp-assay compose` writes; name a new folder")


@contextmanager
def _told(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise SandboxError(f"{directory}: cannot be written: {fault.strerror or fault}: {fault.filename}") from fault


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(_OURS_ALONE)
    return directory.resolve()


def _replace(folder: Path, write: Callable[[Path], None]) -> None:
    """Write a folder, and put it in the place of what is there only when it is whole."""
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=folder.parent) as scratch:
        write(Path(scratch, folder.name))
        shutil.rmtree(folder, ignore_errors=True)
        Path(scratch, folder.name).rename(folder)


def _shared(directory: Path) -> Path:
    shared = directory / SHARED_FOLDER
    shared.mkdir(exist_ok=True)
    shared.chmod(_EVERYBODY)  # the containers' user is nobody here
    return shared


def _certified(folder: Path) -> TlsFiles:
    """Return the files for TLS that are there from before, so that a root that was imported stays; or new ones."""
    files = TlsFiles(folder / "root.pem", folder / "certificate.pem", folder / "key.pem")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.certificate, files.key)
        ssl.create_default_context(cafile=str(files.root))
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        folder.chmod(0o755)
        return Authority().write(folder)
    return files


def _identity(directory: Path) -> str:
    """Return the sandbox's id, which stays the same for a folder, so that its containers keep their names."""
    return hashlib.sha256(str(directory).encode(errors="surrogateescape")).hexdigest()[:8]


def _header(layout: Layout, network: str, certified: TlsFiles | None, *, several: bool) -> list[str]:
    lines = [
        MARK,
        "",
        "The sandbox of mcp-assay, as `mcp-assay up --runtime docker` brings it up. In this folder:",
        "  docker compose up      (or docker-compose up) builds the image the first time",
        "  docker compose down    removes the containers; they make no network and no volume",
        "",
        f"MCP server            {layout.resource(TENANT)}",
        f"authorization server  {layout.issuer(TENANT)}",
        f"OpenID provider       {layout.idp_issuer(TENANT)}",
        "",
        "The same URLs hold for a browser on this machine and in every container that shares the network, by",
        f"  network_mode: service:{NETWORK}",
        "for a service that is added to this file or to a compose.override.yaml beside it, or by",
        f"  docker run --network container:{network} IMAGE",
        "",
        f"The control planes take the token that {TOKEN_VARIABLE} holds when compose is called. Without one",
        "each service makes its own, and tells it in its log.",
    ]
    if certified:
        root = f"{SHARED_FOLDER}/{TLS_FOLDER}/{certified.root.name}"
        lines += ["", "The services speak https. Whoever asks them has to trust the root certificate in", f"  {root}"]
    if several:
        why = (
            "Only BuildKit (buildx) builds the image, which is for several architectures. For docker-compose 1 that is"
        )
        lines += ["", why, f"  {_BUILDKIT}"]
    return lines
