"""`[target.container]` is validated before anything is started, shared without secrets, and ignored in a bundle."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from harness.bundled_target import bundled_target
from harness.container_table import DEFAULT_ENVIRONMENT, PLACEHOLDERS, container_of
from harness.request import TargetFileError
from harness.shareable import LEFT_OUT, shareable_text
from harness.target_file import TargetFile, checked_target_file, read_target_file

URL = "http://127.0.0.1:8000/mcp"
SETTINGS = {name: f"<{name}>" for name in PLACEHOLDERS}


def checked(container: dict[str, Any], target: dict[str, Any] | None = None, **tables: Any) -> TargetFile:
    return checked_target_file({"target": {"mcp_server": URL, **(target or {}), "container": container}, **tables}, "f")


def mistake(container: dict[str, Any], target: dict[str, Any] | None = None, **tables: Any) -> str:
    with pytest.raises(TargetFileError) as fault:
        checked(container, target, **tables)
    return str(fault.value)


def filled(environment: dict[str, str], settings: dict[str, str] | None = None) -> dict[str, str]:
    table = checked({"image": "a", "environment": environment}).target.container
    assert table
    return table.filled(SETTINGS if settings is None else settings)


@pytest.mark.parametrize("container", [{}, {"image": "a", "build": "b"}])
def test_an_image_or_a_folder_is_wanted(container: dict[str, Any]) -> None:
    assert (
        mistake(container)
        == "f: target.container: image is wanted, or build, the folder that it is built from; not both"
    )


@pytest.mark.parametrize(
    ("container", "said"),
    [
        ({"ports": [8001]}, f"container.ports: 8000, which {URL} names, is not among 8001"),
        ({"ports": [8000, 8000]}, "container.ports: each port is named once; found [8000, 8000]"),
        ({"ports": [65536]}, "container.ports.0: input should be less than or equal to 65535; found 65536"),
        ({"image": "--privileged"}, "container.image: the name of an image is wanted, such as example/server:1.2"),
        ({"command": "run"}, "container.command: input should be a valid list; found 'run'"),
        ({"health": "ready"}, "container.health: a path that begins with / is wanted; found 'ready'"),
        ({"callbacks": ["/callback"]}, "container.callbacks.0: an http or https URL with a host is wanted"),
        ({"ready_within": 0}, "container.ready_within: input should be greater than or equal to 1; found 0"),
        ({"network": "host"}, "container.network: is no key that is known here; there are: image, build, ports"),
        ({"environment": {"A=B": ""}}, "container.environment: a variable's name is not empty and without ="),
        ({"environment": {"A": "{foo}"}}, "A holds {foo}, which is no placeholder; there are: {issuer}, "),
        ({"environment": {"A": "{issuer.x}"}}, "A holds something in braces, which is no placeholder"),
        ({"environment": {"A": "{issuer!r}"}}, "A holds something in braces, which is no placeholder"),
        ({"environment": {"A": "{issuer"}}, "the variable A has a brace without its other one; there are: "),
        (
            {"environment": {"A": ""}, "environment_env": {"A": "PATH"}},
            "the variable A stands in environment and in environment_env",
        ),
        ({"environment_env": {"A": "ASSAY_NOT_SET"}}, "the environment variable ASSAY_NOT_SET is not set"),
    ],
)
def test_each_mistake_is_named(container: dict[str, Any], said: str) -> None:
    assert said in mistake({"image": "a", **container})


@pytest.mark.parametrize("url", ["http://0.0.0.0:8000/mcp", "http://[::1]:8000/mcp", "https://mcp.example:8000/mcp"])
def test_a_url_where_no_port_of_it_is_published_is_a_mistake(url: str) -> None:
    said = mistake({"image": "a"}, {"mcp_server": url, "authorized": True})
    assert f"container: {url} is not where its ports are published, which is 127.0.0.1" in said


def test_no_secret_is_repeated_in_a_mistake() -> None:
    said = mistake({"image": "a", "environment": {"PASSWORD": "{hunter}two"}})
    assert "PASSWORD" in said
    assert "hunter" not in said


@pytest.mark.parametrize(
    ("target", "tables", "said"),
    [
        (
            {},
            {"downstream": {"port": 8000, "tool": "a"}, "tools": {"a": {}}},
            "8000 is taken already by what dow",
        ),
        ({}, {"client_documents": {"port": 8000, "base_url": "https://a"}}, "8000 is taken already by what client_doc"),
    ],
)
def test_a_port_that_something_else_needs_is_a_mistake(target: Any, tables: Any, said: str) -> None:
    assert f"target.container.ports: {said}" in mistake({"image": "a"}, target, **tables)


def test_the_ports_are_those_of_the_urls_where_none_are_named() -> None:
    both = {"authorization_server": "http://localhost:9000/realm"}
    assert checked({"image": "a"}, both).target.published == (8000, 9000)
    assert checked({"image": "a", "ports": [9000, 9100, 8000]}, both).target.published == (9000, 9100, 8000)
    assert checked_target_file({"target": {"mcp_server": URL}}, "f").target.published == ()


def test_placeholders_are_filled_and_braces_that_are_doubled_stay() -> None:
    told = {"A": "{issuer}", "B": "{jwks_uri}?for={audience}", "C": '{{"tenant": "{tenant}"}}', "D": "plain"}
    assert filled(told) == {
        "A": "<issuer>",
        "B": "<jwks_uri>?for=<audience>",
        "C": '{"tenant": "<tenant>"}',
        "D": "plain",
    }


def test_a_variable_that_names_what_the_sandbox_lacks_is_left_out() -> None:
    assert filled({"CA": "{root_certificate}", "A": "{issuer}"}, {"issuer": "i"}) == {"A": "i"}


def test_secrets_come_from_the_environment_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_TEST_SECRET", "hunter-{2}")
    file = checked({"image": "a", "environment_env": {"DB": "ASSAY_TEST_SECRET"}, "environment": {"API_KEY": "k-1"}})
    assert file.target.container
    assert file.target.container.filled({}) == {"DB": "hunter-{2}", "API_KEY": "k-1"}
    assert set(file.resolve().secrets) == {"hunter-{2}", "k-1"}


def test_the_folder_is_named_relative_to_the_target_file(tmp_path: Path) -> None:
    table = checked({"build": "../server"}).target.container
    assert table
    assert table.folder(tmp_path) == tmp_path / "../server"


def test_a_shared_file_holds_the_container_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_TEST_SECRET", "hunter-2-hunter")
    container = {
        "image": "example/server:1.2",
        "environment": {"ISSUER": "{issuer}", "TOKEN_URL": "{issuer}/token", "API_KEY": "k-1234", "LOG": "debug"},
        "environment_env": {"DB": "ASSAY_TEST_SECRET"},
        "command": ["serve", "--api-key", "k-5678", "--token=k-9012", "--note", "hunter-2-hunter"],
        "health": "/health",
    }
    shared = tomllib.loads(shareable_text(checked(container)))["target"]["container"]
    assert shared == {
        **container,
        "environment": {"ISSUER": "{issuer}", "TOKEN_URL": "{issuer}/token", "API_KEY": LEFT_OUT, "LOG": "debug"},
        "command": ["serve", "--api-key", LEFT_OUT, f"--token={LEFT_OUT}", "--note", LEFT_OUT],
    }
    checked(shared)


def test_a_bundle_has_no_image_run_and_no_folder_built() -> None:
    text = f'[target]\nmcp_server = "{URL}"\n[target.container]\nbuild = "/tmp/evil"\n'
    assert bundled_target(text, "b.zip", authorized=False).target.container is None


def test_an_image_and_a_port_are_enough_for_a_target() -> None:
    target = read_target_file(None, {"container": container_of("server:1", 8123)}).target
    assert (target.mcp_server, target.trusts) == ("http://127.0.0.1:8123/mcp", "sandbox")
    assert target.published == (8123,)
    assert target.container
    assert target.container.environment == DEFAULT_ENVIRONMENT
    assert target.container.filled({"issuer": "i", "jwks_uri": "j", "audience": "a"}) == {
        "ISSUER": "i",
        "JWKS_URI": "j",
        "AUDIENCE": "a",
    }


def test_a_url_on_the_command_line_goes_before_the_usual_one() -> None:
    told = {"mcp_server": "http://localhost:8123/v2", "container": container_of("server:1", None)}
    target = read_target_file(None, told).target
    assert (target.mcp_server, target.published) == ("http://localhost:8123/v2", (8123,))


def test_a_port_without_an_image_is_a_mistake() -> None:
    with pytest.raises(TargetFileError, match=r"the command line: target\.container: image is wanted, or build"):
        read_target_file(None, {"container": container_of(None, 8000)})


def test_an_image_without_a_port_or_url_is_a_mistake() -> None:
    with pytest.raises(TargetFileError, match="the command line: target: mcp_server or authorization_server is wanted"):
        read_target_file(None, {"container": container_of("server:1", None)})


@pytest.mark.parametrize(
    ("own", "told", "container"),
    [
        ('build = "."', container_of("b", None), {"image": "b"}),
        ('image = "a"\nhealth = "/h"', container_of("b", None), {"image": "b", "health": "/h"}),
        ('image = "a"\nports = [8000]', container_of(None, 8001), {"image": "a", "ports": [8001]}),
        (None, container_of("b", 8001), {"image": "b", "ports": [8001], "environment": DEFAULT_ENVIRONMENT}),
        ('image = "a"', {}, {"image": "a"}),
    ],
)
def test_the_command_line_takes_the_place_of_what_the_file_says(
    tmp_path: Path, own: str | None, told: dict[str, Any], container: dict[str, Any]
) -> None:
    path = tmp_path / "mcp-assay.toml"
    table = f"[target.container]\n{own}\n" if own else ""
    path.write_text(f'[target]\nmcp_server = "{URL}"\n{table}')
    said = {"mcp_server": "http://127.0.0.1:8001/mcp"} if "ports" in told else {}
    target = read_target_file(path, {**said, **({"container": told} if told else {})}).target
    assert target.container
    assert target.container.model_dump(exclude_unset=True) == container
    assert target.trusts is None


def test_a_container_that_is_no_table_is_named_whatever_the_command_line_says(tmp_path: Path) -> None:
    path = tmp_path / "mcp-assay.toml"
    path.write_text(f'[target]\nmcp_server = "{URL}"\ncontainer = "server:1"\n')
    with pytest.raises(TargetFileError, match=r"target\.container: a table is wanted"):
        read_target_file(path, {"container": container_of("b", None)})
