"""Facts under the names that rules use for them."""

from __future__ import annotations

from collections.abc import Mapping

from worker.model.decision import Facts
from worker.model.response import Json, Response

_COUNTS = {
    "history.responses_90d": "responses_90d",
    "history.detractors_90d": "detractors_90d",
    "customer.open_follow_ups": "open_follow_ups",
}
_OTHERS = {f"history.{name}": name for name in ("previous_class", "previous_score", "score_change")}


def facts_document(facts: Facts) -> dict[str, Json]:
    """Facts by field, without what is unknown: what is stored beside a decision."""
    named = {field: getattr(facts, name) for field, name in {**_COUNTS, **_OTHERS}.items()}
    return {field: value for field, value in named.items() if value is not None}


def facts_from(document: Mapping[str, Json], response: Response) -> Facts:
    """Facts as somebody told them. The counts of a known customer are 0 unless told, an unknown one's unknown."""
    empty = 0 if response.customer.key is not None else None
    counts = {name: document.get(field, empty) for field, name in _COUNTS.items()}
    return Facts(**counts, **{name: document.get(field) for field, name in _OTHERS.items()})
