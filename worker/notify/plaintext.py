"""The text part of a mail: 72 columns, labels in 16, straight quotes. Filters for its templates."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping

COLUMNS = 72
LABEL = 16


class _Wrapper(textwrap.TextWrapper):
    """Breaks a word that is longer than a line. A web address stays whole on a line of its own, else it is no link."""

    def __init__(self, first: str, rest: str) -> None:
        super().__init__(COLUMNS, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)

    def _handle_long_word(self, chunks: list[str], line: list[str], length: int, width: int) -> None:
        self.break_long_words = "://" not in chunks[-1]
        super()._handle_long_word(chunks, line, length, width)


def wrap(text: str, indent: int = 0) -> str:
    """Paragraphs of at most 72 columns; only a web address may be longer."""
    wrapper = _Wrapper(" " * indent, " " * indent)
    return "\n".join(wrapper.fill(line) if line.strip() else "" for line in text.splitlines())


def row(label: str, text: str, indent: int = 0) -> str:
    """A labelled line; what is longer goes on below itself, and a long label stands alone."""
    lead = " " * indent
    if len(label) >= LABEL:
        return f"{lead}{label}\n{wrap(text, indent + LABEL)}"
    return _Wrapper(f"{lead}{label:<{LABEL - 1}} ", " " * (indent + LABEL)).fill(text)


def quoted(text: str) -> str:
    """In straight quotes, indented."""
    return wrap(f'"{text}"', 2)


def plain(text: str) -> str:
    """Our own typography, as ASCII."""
    for fancy, simple in (("“", '"'), ("”", '"'), ("„", '"'), ("’", "'"), ("…", "..."), ("·", "-")):
        text = text.replace(fancy, simple)
    return text


FILTERS: Mapping[str, Callable[..., str]] = {"wrap": wrap, "quoted": quoted, "plain": plain}
