"""One self-contained page: templates, styles and scripts of `reports/page/` in one text that can request nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

FOLDER = Path(__file__).parent / "page"
SIGNS = {"passed": "✓", "failed": "✗", "warning": "!", "not-applicable": "○", "blocked": "⊘", "error": "‼"}
"""What stands beside the colour of each verdict, which nobody should have to see."""
_LAYOUT = "\n\t"


def page(template: str, *, styles: Sequence[str], scripts: Sequence[str] = (), **values: Any) -> str:
    """Return a page with its styles and scripts in place.

    The template gets `style`, `script` and `policy`: the content of its `<style>` and `<script>`, and a content
    security policy that allows these two and nothing else, so that what a target said cannot make a reader's browser do
    anything.

    Args:
        template: the name of a file in `reports/page/`.
        styles: names of files there, in the order in which they count.
        scripts: names of files there.
        values: what the template shows.
    """
    style, script = _joined(tuple(styles)), _joined(tuple(scripts))
    policy = f"default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src {_source(style)}"
    if script:
        policy += f"; script-src {_source(script)}"
    whole = environment().get_template(template)
    return whole.render(style=Markup(style), script=Markup(script), policy=policy, **values)  # noqa: S704 - our own files


@cache
def environment() -> Environment:
    """Return the templates of `reports/page/`, in which everything is escaped, and every character can be seen."""
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        finalize=lambda value: shown(value) if type(value) is str else value,  # markup is ours
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["shown"] = shown
    made.filters["web_link"] = web_link
    made.globals["signs"] = SIGNS
    return made


def shown(text: str) -> str:
    """Return a text in which every character can be seen: what moves a cursor or turns the reading direction is spelt.

    Half of a surrogate pair, which no file can hold, is spelt too. Line breaks and tabs stay.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in _LAYOUT else ascii(sign)[1:-1] for sign in text)


def web_link(url: str) -> str:
    """Return a URL if a reader may be led there, or an empty text: `javascript:` and its like are none."""
    return url if url.lower().startswith(("https://", "http://")) else ""


@cache
def _joined(names: tuple[str, ...]) -> str:
    return "".join((FOLDER / name).read_text(encoding="utf-8") for name in names)


def _source(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
