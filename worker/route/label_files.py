"""themes.yaml, severity.yaml, surveys.yaml, root_causes.yaml and fields.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from worker.classify.scales import SCALES
from worker.model.response import Number
from worker.model.survey import Lexicon, Polarity, Scale, Survey
from worker.route import shape
from worker.route.bounds import parse_bounds
from worker.route.fields import DECLARABLE, FIELDS, NUMBERS, OPEN_PREFIXES, Field, Kind, undeclared
from worker.route.findings import closest, did_you_mean
from worker.route.nodes import Map, Node, Scalar
from worker.route.schema import RootCause
from worker.route.shape import File, shown

_POLARITIES = tuple(polarity.value for polarity in Polarity)
_SCORE = FIELDS["response.score"]


# Lexicons ----------------------------------------------------------------------------------------------------------


def read_lexicons(file: File, top: Map, names: tuple[str, ...]) -> tuple[Lexicon, ...] | None:
    """The labels of themes.yaml or severity.yaml, which stand under one of `names`."""
    found = shape.keys(file, top, file.name.rpartition("/")[2], ("format", *names))
    node = next((found[name] for name in names if name in found), None)
    body = shape.mapping(file, node, names[0], "Write: billing: {words: {en: [invoice, bill]}}")
    if body is None:
        return () if node is None else None
    lexicons = (_lexicon(file, key, value) for key, value in body.entries.values())
    return tuple(lexicon for lexicon in lexicons if lexicon)


def _lexicon(file: File, key: Scalar, node: Node) -> Lexicon | None:
    shape.is_identifier(file, key, "a label")
    body = shape.mapping(file, node, f'label "{key.text}"', "Write: {words: {en: [invoice, bill]}}")
    if body is None:
        return None
    found = shape.keys(file, body, f'label "{key.text}"', ("name", "description", "words", "not"), ("words",), at=key)
    words = _by_language(file, found.get("words"), "words")
    return Lexicon(label=key.text, words=words, exclusions=_by_language(file, found.get("not"), "not"))


def _by_language(file: File, node: Node | None, what: str) -> dict[str, tuple[str, ...]]:
    body = shape.mapping(file, node, what, f"Write: {what}: {{en: [invoice, bill]}}")
    made: dict[str, tuple[str, ...]] = {}
    for key, value in body.entries.values() if body else ():
        if shape.language(file, key) is None:
            continue
        entries = (shape.word(file, item, f"an entry of {what}") for item in shape.items(file, value, what))
        made[key.text] = tuple(entry.text for entry in entries if entry)
    return made


# Surveys -----------------------------------------------------------------------------------------------------------


def read_surveys(file: File, top: Map) -> dict[str, Survey]:
    found = shape.keys(file, top, "surveys.yaml", ("format", "surveys"))
    body = shape.mapping(file, found.get("surveys"), "surveys", "Write: post-call: {metric: nps}")
    entries = body.entries if body else {}
    read = {name: _survey(file, key, value) for name, (key, value) in entries.items()}
    surveys = {name: survey for name, survey in read.items() if survey}
    _refuse_unscaled(file, entries, surveys)
    return surveys


def _refuse_unscaled(file: File, entries: Mapping[str, tuple[Scalar, Node]], surveys: Mapping[str, Survey]) -> None:
    """A metric that nothing gives a scale to: each of its scores would be a dead letter."""
    own = {survey.metric.casefold() for survey in surveys.values() if survey.metric and survey.scale}
    for name, survey in surveys.items():
        body = entries[name][1]
        if survey.metric and survey.metric.casefold() not in own | SCALES.keys() and isinstance(body, Map):
            scaled = "scale: {range: 0 to 10, detractor: at most 6, promoter: at least 9}"
            fix = did_you_mean(survey.metric, SCALES) or f"Give the survey its own, such as: {scaled}"
            if body.get("scale") is None:
                file.add("E103", body.get("metric") or body, f'"{shown(survey.metric)}" has no scale.', fix)


def _survey(file: File, key: Scalar, node: Node) -> Survey | None:
    what = f'survey "{key.text}"'
    body = shape.mapping(file, node, what, "Write: {metric: nps}")
    if body is None:
        return None
    found = shape.keys(file, body, what, ("name", "metric", "scale", "polarity", "questions", "settle", "language"))
    metric = shape.text(file, found.get("metric"), "metric")
    polarity = shape.choice(file, found.get("polarity"), "polarity", _POLARITIES)
    values = shape.present(
        {
            "metric": metric,
            "scale": _scale(file, found.get("scale"), metric or key.text),
            "polarity": Polarity(polarity) if polarity else None,
            "questions": _questions(file, found.get("questions")),
            "settle": shape.span(file, found.get("settle"), "settle", business=False),
            "language": shape.language(file, found.get("language")),
        }
    )
    return Survey(id=key.text, **values)


def _questions(file: File, node: Node | None) -> dict[str, Polarity] | None:
    body = shape.mapping(file, node, "questions", "Write: {reason: open, what-to-improve: improve}")
    if body is None:
        return None
    found = {key.text: shape.choice(file, value, "polarity", _POLARITIES) for key, value in body.entries.values()}
    return {name: Polarity(polarity) for name, polarity in found.items() if polarity}


def _scale(file: File, node: Node | None, name: str) -> Scale | None:
    """{range: 0 to 10, detractor: at most 6, promoter: at least 9}; the directions say which end is the happy one."""
    body = shape.mapping(file, node, "scale", "Write: {range: 0 to 10, detractor: at most 6, promoter: at least 9}")
    if body is None:
        return None
    needed = ("range", "detractor", "promoter")
    found = shape.keys(file, body, "scale", (*needed, "whole"), needed)
    ends = _bounds(file, found.get("range"), "range", "0 to 10")
    low_end = _bounds(file, found.get("detractor"), "detractor", "at most 6")
    high_end = _bounds(file, found.get("promoter"), "promoter", "at least 9")
    whole = shape.boolean(file, found.get("whole"), "whole")
    if ends is None or low_end is None or high_end is None or ends[0] is None or ends[1] is None:
        return None
    cuts = _cuts(low_end, high_end)
    if cuts is None or not ends[0] <= min(cuts[:2]) <= max(cuts[:2]) <= ends[1]:
        file.add(
            "E105",
            body,
            "the cut-offs do not fit the scale: detractor and promoter lie at its two ends and do not meet.",
            "Write: {range: 0 to 10, detractor: at most 6, promoter: at least 9}",
        )
        return None
    return Scale(
        name=name,
        low=ends[0],
        high=ends[1],
        detractor=cuts[0],
        promoter=cuts[1],
        higher_is_better=cuts[2],
        whole=whole is not False,
    )


_Ends = tuple[Number | None, Number | None]


def _bounds(file: File, node: Node | None, what: str, example: str) -> _Ends | None:
    found = shape.word(file, node, what)
    if found is None:
        return None
    test = parse_bounds(found.text, Kind.NUMBER)
    exact = shape.number(found.text)
    if exact is not None:
        return exact, exact
    if test is None or test.low_open or test.high_open or test.empty:
        file.add("E104", found, f'cannot read "{shown(found.text)}" as {what}.', f"Write: {example}")
        return None
    return test.low, test.high


def _cuts(detractor: _Ends, promoter: _Ends) -> tuple[Number, Number, bool] | None:
    """(detractor cut-off, promoter cut-off, higher is better), if the two ranges do not overlap."""
    below, above = detractor[1], promoter[0]
    if below is not None and above is not None and below < above:
        return below, above, True
    below, above = promoter[1], detractor[0]
    if below is not None and above is not None and below < above:
        return above, below, False
    return None


# Root causes -------------------------------------------------------------------------------------------------------


def read_root_causes(file: File, top: Map) -> dict[str, RootCause]:
    """Two levels: `billing`, and under it `billing.amount`."""
    found = shape.keys(file, top, "root_causes.yaml", ("format", "root_causes"))
    body = shape.mapping(file, found.get("root_causes"), "root_causes", "Write: billing: [amount, surprise]")
    causes: dict[str, RootCause] = {}
    for key, value in body.entries.values() if body else ():
        if "." in key.text:
            file.add(
                "E114",
                key,
                f'"{shown(key.text)}": the dot stands between the two levels.',
                "Write the second level as a list under the first.",
            )
        elif shape.is_identifier(file, key, "a root cause"):
            for cause in _causes(file, key, value):
                causes[cause.id] = cause
    return causes


def _causes(file: File, key: Scalar, node: Node) -> list[RootCause]:
    """`billing: [amount]`, or {name, needs_note, causes: [amount] or {amount: The amount was wrong}}."""
    if not isinstance(node, Map):
        return [_cause(key), *_second(file, key, node, False)]
    found = shape.keys(file, node, f'root cause "{key.text}"', ("name", "needs_note", "causes"))
    needs_note = bool(shape.boolean(file, found.get("needs_note"), "needs_note"))
    name = shape.text(file, found.get("name"), "name")
    return [replace(_cause(key, name), needs_note=needs_note), *_second(file, key, found.get("causes"), needs_note)]


def _cause(key: Scalar, name: str | None = None, parent: str | None = None) -> RootCause:
    said = name or key.text.replace("_", " ").replace("-", " ").capitalize()
    return RootCause(f"{parent}.{key.text}" if parent else key.text, said, parent)


def _second(file: File, parent: Scalar, node: Node | None, needs_note: bool) -> list[RootCause]:
    if isinstance(node, Map):
        named = [(key, shape.text(file, value, key.text)) for key, value in node.entries.values()]
    else:
        words = (
            shape.word(file, item, "a root cause") for item in shape.items(file, node, f'root cause "{parent.text}"')
        )
        named = [(key, None) for key in words if key]
    fine = [(key, name) for key, name in named if shape.is_identifier(file, key, "a root cause")]
    return [replace(_cause(key, name, parent.text), needs_note=needs_note) for key, name in fine]


# Fields ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Labels:
    """What other files say about the event's own fields."""

    themes: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    surveys: tuple[Survey, ...] = ()


def own_fields(labels: Labels) -> dict[str, Field]:
    """The event's fields, closed by the labels and metrics that exist, and the score's range by the surveys' scales.

    Without a lexicon the labels are open: events and tests may still carry them.
    """
    fields = dict(FIELDS)
    for name, values in (("themes", labels.themes), ("severity", labels.severity), ("metric", labels.metrics)):
        if values:
            fields[f"response.{name}"] = replace(FIELDS[f"response.{name}"], values=values)
    scales = [survey.scale for survey in labels.surveys if survey.scale]
    low, high = min([0, *(s.low for s in scales)]), max([10, *(s.high for s in scales)])
    fields["response.score"] = replace(_SCORE, low=low, high=high)
    return fields


def read_fields(file: File, top: Map, own: Mapping[str, Field]) -> dict[str, Field]:
    """The site's fields: narrowed ones of the event's own, and typed attributes and answers."""
    found = shape.keys(file, top, "fields.yaml", ("format", "fields"))
    body = shape.mapping(
        file, found.get("fields"), "fields", "Write: attributes.plan: {type: enum, values: [basic, pro]}"
    )
    fields = (_field(file, key, value, own) for key, value in (body.entries.values() if body else ()))
    return {field.name: field for field in fields if field}


def _field(file: File, key: Scalar, node: Node, own: Mapping[str, Field]) -> Field | None:
    what = f'field "{key.text}"'
    body = shape.mapping(file, node, what, "Write: {type: enum, values: [basic, pro]}")
    if body is None:
        return None
    base = own.get(key.text) or undeclared(key.text, Kind.ENUM)
    if base is None:
        near = closest(key.text, [*own, *(prefix + key.text.rpartition(".")[2] for prefix in OPEN_PREFIXES)])
        fix = f'Did you mean "{near}"?' if near else f"Write: attributes.{key.text.rpartition('.')[2] or 'name'}"
        file.add(
            "E102",
            key,
            f'unknown field "{shown(key.text)}": a site\'s own fields are attributes.NAME, customer.attributes.NAME '
            "and response.answers.NAME.",
            fix,
        )
        return None
    required = () if base.declared else ("type",)
    found = shape.keys(file, body, what, ("type", "values", "range", "description"), required, at=key)
    kind = shape.choice(file, found.get("type"), "type", DECLARABLE)
    if (kind is None and ("type" in found or not base.declared)) or not _may_become(
        file, found.get("type"), base, kind
    ):
        return None
    narrowed = replace(base, kind=Kind(kind) if kind else base.kind, declared=True)
    return _narrow(file, found, narrowed)


def _may_become(file: File, node: Node | None, base: Field, kind: str | None) -> bool:
    """An open enum of the event may be declared text or id; any other type is the event's own business."""
    if kind is None or node is None or not base.declared or kind == base.kind:
        return True
    textual = ("text", "id", "enum")
    if base.kind in textual and kind in textual and base.values is None:
        return True
    file.add("E129", node, f"{base.name} is of type {base.kind}; fields.yaml cannot change that.", "Delete type.")
    return False


def _narrow(file: File, found: Mapping[str, Node], field: Field) -> Field | None:
    description = shape.text(file, found.get("description"), "description") or field.description
    field = replace(field, description=description)
    if "values" in found:
        if field.kind not in (Kind.ENUM, Kind.ID, Kind.LIST):
            file.add(
                "E106",
                found["values"],
                f"values are for enum, id and list fields; {field.name} is of type {field.kind}.",
                "Delete values, or write range: 0 to 10.",
            )
            return None
        values = tuple(item.text for item in shape.one_or_many(file, found["values"], "values"))
        field = replace(field, values=values, narrowed=True)
    if "range" in found:
        return _ranged(file, found["range"], field)
    return field


def _ranged(file: File, node: Node, field: Field) -> Field | None:
    if field.kind not in NUMBERS:
        file.add(
            "E106",
            node,
            f"range is for number and duration fields; {field.name} is of type {field.kind}.",
            "Delete range, or write values: [a, b].",
        )
        return None
    found = shape.word(file, node, "range")
    test = parse_bounds(found.text, field.kind) if found else None
    if found and (test is None or test.empty):
        example = "0 minutes to 60 minutes" if field.kind is Kind.DURATION else "0 to 10"
        file.add("E104", found, f'cannot read "{shown(found.text)}" as a range.', f"Write: {example}")
    return replace(field, low=test.low, high=test.high, narrowed=True) if test else None
