"""The table of a target file that has the target started in a container, beside the sandbox that it trusts."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from string import Formatter
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from harness.http import origin_of
from harness.named_secrets import names_secret
from harness.redaction import secretive
from harness.target_tables import Name, Table, Url
from harness.variables import Variable

PLACEHOLDERS = (
    *("issuer", "jwks_uri", "audience", "tenant"),
    *("idp", "idp_client_id", "idp_client_secret"),
    "root_certificate",
)
"""What the environment of a target can be given of the sandbox, once that is there."""

STARTS = tuple(f"{{{name}}}" for name in PLACEHOLDERS)
"""How a value begins that the sandbox tells: an issuer, or a URL or path of it."""

DEFAULT_ENVIRONMENT = {
    "ISSUER": "{issuer}",
    "JWKS_URI": "{jwks_uri}",
    "AUDIENCE": "{audience}",
    "SSL_CERT_FILE": "{root_certificate}",
    "NODE_EXTRA_CA_CERTS": "{root_certificate}",
}
"""The settings of a target whose image and port are all that was said. OpenSSL and Node know the last two."""

_HOSTS = ("127.0.0.1", "localhost")
_PLACEHOLDER = re.compile(r"[a-z_]{1,30}")
_ALLOWED = f"there are: {', '.join(STARTS)}; a brace of your own is doubled"


def _variables(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if not name or "=" in name or "\0" in name + text:
            raise ValueError("a variable's name is not empty and without =, and its value without the sign 0")
        _check_placeholders(name, text)
    return value


def _check_placeholders(name: str, text: str) -> None:
    """Look whether every placeholder is one. The text, which may be a secret, is not repeated."""
    try:
        unknown = sorted(_placeholders(text) - set(PLACEHOLDERS))
    except ValueError:
        raise ValueError(f"the variable {name} has a brace without its other one; {_ALLOWED}") from None
    if unknown:
        plain = _PLACEHOLDER.fullmatch(unknown[0]) and not secretive(name)
        shown = f"{{{unknown[0]}}}" if plain else "something in braces"
        raise ValueError(f"the variable {name} holds {shown}, which is no placeholder; {_ALLOWED}")


def _placeholders(text: str) -> set[str]:
    """Return what stands between braces in a text.

    Raises:
        ValueError: a brace is alone.
    """
    parts = Formatter().parse(text)
    return {
        f"{field}!{conversion}:{form}" if conversion or form else field
        for _, field, form, conversion in parts
        if field is not None
    }


def _path(value: str) -> str:
    if value and not (value.startswith("/") and value.isascii() and value.isprintable() and " " not in value):
        raise ValueError("a path that begins with / is wanted")
    return value


def _image(value: str) -> str:
    if not value or not value.isprintable() or " " in value or value.startswith("-"):
        raise ValueError("the name of an image is wanted, such as example/server:1.2")
    return value


def _different(value: list[int]) -> list[int]:
    if len(set(value)) < len(value):
        raise ValueError("each port is named once")
    return value


Port = Annotated[int, Field(ge=1, le=65535)]
ImageName = Annotated[str, AfterValidator(_image)]
Variables = Annotated[dict[str, str], AfterValidator(_variables)]


class ContainerTable(Table):
    """`[target.container]`: the image that the target is started from, in the network of the sandbox."""

    image: ImageName | None = None
    build: Name | None = None
    ports: Annotated[list[Port], AfterValidator(_different)] = Field(default_factory=list)
    command: list[str] = Field(default_factory=list)
    environment: Variables = Field(default_factory=dict)
    environment_env: dict[Name, Variable] = Field(default_factory=dict)
    callbacks: list[Url] = Field(default_factory=list)
    health: Annotated[str, AfterValidator(_path)] = ""
    ready_within: Annotated[int, Field(ge=1, le=3600)] = 60

    @model_validator(mode="after")
    def _one_image(self) -> ContainerTable:
        if (self.image is None) is (self.build is None):
            raise ValueError("image is wanted, or build, the folder that it is built from; not both")
        if twice := sorted(self.environment.keys() & self.environment_env.keys()):
            raise ValueError(f"the variable {twice[0]} stands in environment and in environment_env")
        return self

    def folder(self, base: Path) -> Path | None:
        """Return the folder that the image is built from; `base` is what it is named relative to."""
        return base / self.build if self.build else None

    def filled(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of the container, what comes from our own environment among it.

        Args:
            settings: what stands for each of `PLACEHOLDERS`. A variable that asks for one which is not among them, such
                as the root certificate of a sandbox without TLS, is left out.
        """
        told = {name: text for name, text in self.environment.items() if _placeholders(text) <= settings.keys()}
        filled = {name: text.format_map(settings) for name, text in told.items()}
        return filled | {name: os.environ[variable] for name, variable in self.environment_env.items()}

    def secrets(self) -> set[str]:
        """Return what the named variables hold, and what is written into those that are called like a secret."""
        written = {text for name, text in self.environment.items() if names_secret(name) and not _placeholders(text)}
        return written | {os.environ[variable] for variable in self.environment_env.values()}

    def check_urls(self, urls: Collection[str]) -> None:
        """Look whether the container can answer at each of the target's URLs.

        Raises:
            ValueError: it cannot; the message names the URL.
        """
        for url in urls:
            if not _published(url):
                raise ValueError(f"container: {url} is not where its ports are published, which is 127.0.0.1")
            if self.ports and port_of(url) not in self.ports:
                named = ", ".join(map(str, self.ports))
                raise ValueError(f"container.ports: {port_of(url)}, which {url} names, is not among {named}")


def port_of(url: str) -> int:
    """Return the port that an http or https URL names."""
    return int(origin_of(url).rpartition(":")[2])


def container_of(image: str | None, port: int | None) -> dict[str, Any]:
    """Return what `--target-image` and `--target-port` say of `[target.container]`."""
    return {**({"image": image} if image else {}), **({"ports": [port]} if port else {})}


def with_container(table: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Return `[target]` with what the command line says of its container, under `container`.

    That takes the place of what the file says: the image that of the folder, too. Where there is no file, or none with
    `[target]`, the target is an MCP server at `/mcp` of the port that trusts the sandbox, and is given its settings
    as `DEFAULT_ENVIRONMENT` has them.

    Args:
        table: the file's `[target]`; empty where there is none.
        told: members of `[target]` from the command line.
    """
    merged, own = {**table, **told}, table.get("container", {})
    if "container" not in told or not isinstance(own, dict):
        return {**merged, "container": own} if own else merged
    said = told["container"]
    before = {name: value for name, value in own.items() if name != "build" or "image" not in said}
    merged["container"] = {**({} if own else {"environment": DEFAULT_ENVIRONMENT}), **before, **said}
    if not table:
        merged.setdefault("trusts", "sandbox")
        if "ports" in said and not {"mcp_server", "authorization_server"} & told.keys():
            merged["mcp_server"] = f"http://127.0.0.1:{said['ports'][0]}/mcp"
    return merged


def _published(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in _HOSTS or host.endswith(".localhost")
