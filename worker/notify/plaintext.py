"""The text part of a mail: 72 columns, labels in 16, straight quotes. Filters for its templates."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping

COLUMNS = 72
LABEL = 16


def wrap(text: str, indent: int = 0) -> str:
    """Paragraphs of at most 72 columns; an address or another long word stays whole."""
    lead = " " * indent
    wrapper = textwrap.TextWrapper(
        COLUMNS, initial_indent=lead, subsequent_indent=lead, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(wrapper.fill(line) if line.strip() else "" for line in text.splitlines())


def row(label: str, text: str, indent: int = 0) -> str:
    """A labelled line; what is longer goes on below itself, and a long label stands alone."""
    lead = " " * indent
    if len(label) >= LABEL:
        return f"{lead}{label}\n{wrap(text, indent + LABEL)}"
    wrapper = textwrap.TextWrapper(
        COLUMNS,
        initial_indent=f"{lead}{label:<{LABEL - 1}} ",
        subsequent_indent=" " * (indent + LABEL),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapper.fill(text)


def quoted(text: str) -> str:
    """In straight quotes, indented."""
    return wrap(f'"{text}"', 2)


def plain(text: str) -> str:
    """Our own typography, as ASCII."""
    for fancy, simple in (("“", '"'), ("”", '"'), ("„", '"'), ("’", "'"), ("…", "..."), ("·", "-")):
        text = text.replace(fancy, simple)
    return text


FILTERS: Mapping[str, Callable[..., str]] = {"wrap": wrap, "quoted": quoted, "plain": plain}
