"""Values that do not fit their field: a tier that fields.yaml does not list, a number that came as text.

They are unknown to every rule. Here they are noticed, so that somebody hears of them. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from worker.model.decision import Facts
from worker.model.response import Response
from worker.model.verdict import Verdict
from worker.route.fields import OPEN_PREFIXES, Field, Kind, Subject
from worker.route.schema import RuleSet

_ANYTHING = Kind.ANY
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)  # no field looked at here depends on the time
_NO_FACTS = Facts()


def watched(rule_set: RuleSet) -> tuple[Field, ...]:
    """The fields whose values may not fit: what fields.yaml says something of, and attributes that rules ask for.

    Of the event's own fields the reader looks at the type, and counts.
    """
    asked = {clause.field for rule in (*rule_set.rules, *rule_set.also) for clause in rule.when.all_clauses()}
    found = {field for field in (*rule_set.fields.values(), *asked) if _may_misfit(field)}
    return tuple(sorted(found, key=lambda field: (field.name, field.kind)))


def _may_misfit(field: Field) -> bool:
    return field.narrowed or (field.name.startswith(OPEN_PREFIXES) and field.kind is not _ANYTHING)


def misfits(fields: Sequence[Field], response: Response, verdict: Verdict) -> list[str]:
    """Names of the fields that have a value which does not fit."""
    if not fields:
        return []
    subject = Subject(response, verdict, _NO_FACTS, _NEVER)
    return list(dict.fromkeys(field.name for field in fields if _misfits(field, field.get(subject))))


def _misfits(field: Field, raw: object) -> bool:
    blank = raw is None or raw in ("", [], ()) or (isinstance(raw, str) and raw.isspace())
    return not blank and field.fit(raw) is None
