"""Markdown that holds the words of others: shown as they are, and without any power over the page.

What a target said goes into code, where GitHub and GitLab see neither markup nor links, images, mentions or references.
Words of ours and of the user's are escaped, so that they keep to their place.
"""

from __future__ import annotations

import html
import re
from urllib.parse import quote, urlsplit

_ESCAPED = re.compile(r"[\\`*_\[\]|~$#!{}^]")
_RUN = re.compile("`+")
_NOBODY = "\N{ZERO WIDTH SPACE}"
"""Behind an @ it keeps a name from being told that it was mentioned."""
_URL_SIGNS = "!#$%&*+,/:;=?@-._~"
CUT = 4000


def visible(text: str, keep: str = "") -> str:
    """Return a text whose control characters, bidi marks and half surrogates are written as escapes, but for `keep`."""
    return "".join(sign if sign.isprintable() or sign in keep else ascii(sign)[1:-1] for sign in text)


def shortened(text: str, length: int = CUT) -> str:
    """Return a text of about so many characters at most; where some are left out, it says how many."""
    left_out = len(text) - length
    return text if left_out <= 0 else f"{text[:length]}… ({left_out} more characters)"


def code(text: str, length: int = CUT) -> str:
    """Return a text as code within a line."""
    shown = shortened(visible(text), length)
    marks = _marks(shown, 1)
    pad = " " if not shown.strip() or shown[0] in "` " or shown[-1] in "` " else ""
    return f"{marks}{pad}{shown}{pad}{marks}"


def block(text: str, language: str = "", length: int = CUT) -> str:
    """Return a text as a block of code, its line ends kept."""
    shown = shortened(visible(text, "\n\t"), length)
    marks = _marks(shown, 3)
    return f"{marks}{language}\n{shown}\n{marks}"


def prose(text: str) -> str:
    """Return a text as one line of prose without markup. It must not stand at the beginning of a line."""
    shown = html.escape(" ".join(visible(text, "\n").split()), quote=False)
    return _ESCAPED.sub(r"\\\g<0>", shown).replace("@", f"@{_NOBODY}")


def html_prose(text: str) -> str:
    """Return a text as one line of prose for between the tags of HTML."""
    return html.escape(" ".join(visible(text, "\n").split())).replace("@", f"@{_NOBODY}")


def html_code(text: str) -> str:
    """Return a text as code for between the tags of HTML."""
    return f"<code>{html.escape(visible(text))}</code>"


def link(text: str, url: str) -> str:
    """Return a link; where the URL is not one of the web, it is shown as code."""
    shown = prose(text)
    return f"[{shown}](<{quote(url, safe=_URL_SIGNS)}>)" if on_the_web(url) else f"{shown} {code(url)}"


def on_the_web(url: str) -> bool:
    """Tell whether a text is an http or https URL and nothing else."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and url.isprintable() and " " not in url


def _marks(text: str, least: int) -> str:
    longest = max((len(run) for run in _RUN.findall(text)), default=0)
    return "`" * max(least, longest + 1)
