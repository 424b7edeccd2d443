"""The image's bill of materials: each distribution in it, as CycloneDX JSON (ECMA-424)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from packaging.utils import NormalizedName, canonicalize_name

if TYPE_CHECKING:
    from cyclonedx.model.component import Component

_UNKNOWN = {"", "UNKNOWN"}
_LICENSE_PREFIX = "License :: "


def bill_of_materials(distributions: Iterable[Distribution], hashes: Mapping[NormalizedName, str], version: str) -> str:
    """Return the bill of materials. It is the same for the same content: it has no time and no random number.

    Args:
        distributions: what is in the image beside our own sources.
        hashes: the SHA-256 of their wheels, in hexadecimal, as far as known.
        version: our own.
    """
    from cyclonedx.model.bom import Bom
    from cyclonedx.output.json import JsonV1Dot6

    ours = _component("mcp-assay", version, ["Apache-2.0"])
    bom = Bom(components=[_described(each, hashes) for each in distributions])
    bom.metadata.component = ours
    bom.register_dependency(ours, bom.components)
    content = sorted(str(each.purl) for each in (ours, *bom.components))
    bom.serial_number = uuid5(NAMESPACE_URL, " ".join(content))
    data = json.loads(JsonV1Dot6(bom).output_as_string())
    del data["metadata"]["timestamp"]
    return json.dumps(data, indent=1, sort_keys=True) + "\n"


def _described(distribution: Distribution, hashes: Mapping[NormalizedName, str]) -> Component:
    from cyclonedx.model import HashAlgorithm, HashType

    name = canonicalize_name(distribution.name)
    component = _component(name, distribution.version, _licences(distribution))
    if digest := hashes.get(name):
        component.hashes.add(HashType(alg=HashAlgorithm.SHA_256, content=digest))
    return component


def _component(name: str, version: str, licences: Iterable[str]) -> Component:
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model.bom_ref import BomRef
    from cyclonedx.model.component import Component
    from packageurl import PackageURL

    purl = PackageURL("pypi", name=name, version=version)
    made = [LicenseFactory().make_from_string(licence) for licence in licences]
    return Component(name=name, version=version, purl=purl, bom_ref=BomRef(str(purl)), licenses=made)


def _licences(distribution: Distribution) -> list[str]:
    """Return a distribution's licence: its SPDX expression, or the older fields (Core metadata)."""
    metadata = distribution.metadata
    for field in ("License-Expression", "License"):
        if field in metadata and (text := metadata[field].strip()) not in _UNKNOWN and "\n" not in text:
            return [text]
    names = metadata.get_all("Classifier") or []
    return [name.rpartition(" :: ")[2] for name in names if name.startswith(_LICENSE_PREFIX)]
