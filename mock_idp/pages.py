"""The pages that a person sees: no scripts, nothing from elsewhere, in no frame."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).with_name("templates")


def page(template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page; what it is given is escaped.

    Args:
        template: a file of `templates/`.
        status: the HTTP status.
        values: what the template names.
    """
    html = _environment().get_template(template).render(style=_style(), **values)
    return HTMLResponse(html, status, headers=_headers())


@cache
def _headers() -> dict[str, str]:
    # No form-action: browsers hold the whole chain of redirects after a form against it, up to the MCP client's
    # own redirect URI, which only the relying party knows.
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'"
    return {
        "Content-Security-Policy": policy,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }


@cache
def _style() -> str:
    return (_TEMPLATES / "style.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    # Imported with the first page: a sandbox whose users all come with a login_hint starts without it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined)
