"""The keys of a target file: from the models that validate it, with the sentences of templates/target-file.toml."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.target_file import TargetFile

SENTENCES = Path(__file__).parent / "templates" / "target-file.toml"
SIMPLE = {"string": "text", "boolean": "true or false", "integer": "a whole number", "object": "a table"}


def target_file_tables() -> list[dict[str, Any]]:
    """Return the tables of a target file with their keys: name, kind, default, whether it is needed, and a sentence.

    Raises:
        ValueError: a key has no sentence, or a sentence no key.
    """
    schema = TargetFile.model_json_schema()
    sentences = tomllib.loads(SENTENCES.read_text(encoding="utf-8"))
    tables = list(_tables(schema, schema["$defs"], sentences))
    known = {f"{table['model']}.{key['name']}" for table in tables for key in table["keys"]}
    told = {f"{model}.{name}" for model, keys in sentences.items() for name in keys}
    if known != told:
        raise ValueError(f"{SENTENCES.name}: the keys {', '.join(sorted(known ^ told))} are in one place only")
    return tables


def _tables(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], sentences: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the table of each model that can be reached, the first mention of each."""
    seen = [str(schema["title"])]
    models = {**definitions, seen[0]: schema}
    for name in seen:
        model = models[name]
        keys = [_key(key, value, model, definitions) for key, value in model["properties"].items()]
        for key in keys:
            key["about"] = sentences.get(name, {}).get(key["name"], "")
            seen.extend(other for other in key["models"] if other not in seen)
        yield {"model": name, "about": model["description"], "keys": keys}


def _key(
    name: str, value: Mapping[str, Any], model: Mapping[str, Any], definitions: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "name": name,
        "kind": _kind(value, definitions),
        "needed": name in model.get("required", ()),
        "default": _default(value.get("default")),
        "models": list(_models(value, definitions)),
    }


def _default(value: object) -> str:
    return "" if value in (None, "") else f"`{json.dumps(value)}`".replace('"', "")


def _kind(value: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Say what a key may hold."""
    if "$ref" in value:
        return "a table"
    if "anyOf" in value:
        return " or ".join(_kind(item, definitions) for item in value["anyOf"] if item.get("type") != "null")
    if "enum" in value or "const" in value:
        return ", ".join(f"`{item}`" for item in value.get("enum", [value.get("const")]))
    if value.get("type") == "array":
        return f"a list: {_kind(value['items'], definitions)}"
    if value.get("format") == "date":
        return "a date"
    inner = value.get("additionalProperties")
    if isinstance(inner, Mapping):
        named = value.get("propertyNames", {}).get("enum")
        names = ", ".join(f"`{item}`" for item in named) if named else "name"
        return f"a table: {names} = {_kind(inner, definitions)}"
    return _number(value) if value.get("type") == "integer" else SIMPLE.get(value.get("type", ""), "anything")


def _number(value: Mapping[str, Any]) -> str:
    return f"a whole number from {value['minimum']} to {value['maximum']}" if "minimum" in value else "a whole number"


def _models(value: Any, definitions: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the models that a key's value refers to."""
    if isinstance(value, Mapping):
        if "$ref" in value:
            yield str(value["$ref"]).rpartition("/")[2]
        for item in value.values():
            yield from _models(item, definitions)
    elif isinstance(value, list):
        for item in value:
            yield from _models(item, definitions)
