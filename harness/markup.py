"""What an HTML page holds, as far as scenarios judge it: its elements, its links, and what it loads."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

from harness.exchange import Answer

_LOADED = ("src", "data", "poster")
_LOADING_LINKS = {"stylesheet", "icon", "preload", "modulepreload", "prefetch", "preconnect", "manifest"}
_FOLLOWED = ("href", "src", "action", "formaction", "data")


@dataclass
class Markup:
    """What was found on a page.

    Attributes:
        elements: the names of all elements, in lower case.
        links: what people or browsers can be led to from it, as it is written.
        loaded: the absolute URLs of what a browser loads together with it.
        referrer: the referrer policy that the page itself names.
    """

    elements: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    referrer: str = ""


def markup_of(answer: Answer) -> Markup:
    """Read a page as a browser would; nothing is found in what is no HTML.

    The same text in a quoted attribute, a comment or a script's string is no markup.
    """
    if "html" not in answer.media_type:
        return Markup()
    reader = _Reader(answer.exchange.url)
    reader.feed(answer.text)
    reader.close()
    return reader.found


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self.found = Markup()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.found.elements.add(tag)
        self.found.links += [values[name].strip() for name in _FOLLOWED if name in values]
        if tag == "meta" and values.get("name", "").lower() == "referrer":
            self.found.referrer = values.get("content", "")
        loaded = [values[name] for name in _LOADED if values.get(name)]
        if tag == "link" and _LOADING_LINKS.intersection(values.get("rel", "").lower().split()):
            loaded.append(values.get("href", ""))
        self.found.loaded += [self._absolute(url.strip()) for url in loaded]

    def _absolute(self, url: str) -> str:
        try:
            return urljoin(self._url, url)
        except ValueError:
            return url
