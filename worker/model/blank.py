"""What stays of a response when its text and its person are forgotten: figures, places and ids of our own. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import structs

from worker.model.response import Customer, Json, Response
from worker.model.verdict import Verdict


def blank_response(response: Response) -> Response:
    """Without the customer, every word of theirs, and what a link or a site's own attribute may tell of them."""
    return structs.replace(
        response,
        comment=None,
        comment_translated=None,
        answers=_without_words(response.answers),
        customer=Customer(),
        interaction=structs.replace(response.interaction, id=None, url=None),
        attributes={},
    )


def blank_verdict(verdict: Verdict) -> Verdict:
    """The labels stay; where in the comment they were found means nothing without it."""
    return structs.replace(verdict, evidence=())


def _without_words(answers: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in answers.items() if isinstance(value, bool | int | float)}
