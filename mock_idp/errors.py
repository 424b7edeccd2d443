"""Refusals that a browser is shown, because there is nowhere safe to send it."""

from __future__ import annotations


class ShownError(Exception):
    """A refusal as a page (OpenID Connect Core section 3.1.2.6, RFC 6749 section 4.1.2.1).

    Attributes:
        sentence: what is wrong, for the person in front of the browser and for the developer beside them.
        status: the HTTP status.
    """

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
