"""`[tokens]`: access tokens that the user gives, from the environment."""

from __future__ import annotations

import os
import re
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from harness.target_tables import Table
from harness.variables import WITHOUT_SECRETS, Variable

_TOKEN = re.compile(r"[\x21-\x7e]+")


def _holds_a_token(variable: str, info: ValidationInfo) -> str:
    if info.context is not WITHOUT_SECRETS and not _TOKEN.fullmatch(os.environ[variable]):
        raise ValueError(f"the environment variable {variable} holds no token: one or more signs without white space")
    return variable


TokenVariable = Annotated[Variable, AfterValidator(_holds_a_token)]


class TokensTable(Table):
    """`[tokens]`: access tokens for the MCP server that are had elsewhere. They come from the environment, by name."""

    good_env: TokenVariable | None = None
    expired_env: TokenVariable | None = None
    other_resource_env: TokenVariable | None = None
    limited_env: TokenVariable | None = None
    other_tenant_env: TokenVariable | None = None

    def resolve(self) -> dict[str, str]:
        """Return the tokens by kind, which is the key without `_env`."""
        named = ((name.removesuffix("_env"), getattr(self, name)) for name in type(self).model_fields)
        return {kind: os.environ[variable] for kind, variable in named if variable}
