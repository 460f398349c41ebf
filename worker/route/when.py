"""Reading `when`: clauses, groups, and the kind of a field that nobody declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from worker.route import bounds, operators, shape
from worker.route.clauses import Clause, Member, When
from worker.route.conditions import AllOf, AnyOf, Is, IsNot, NoneOf, Test
from worker.route.fields import NUMBERS, OPEN_PREFIXES, Field, Kind, undeclared
from worker.route.findings import closest
from worker.route.nodes import SYMBOLS, Map, Node, Scalar, Seq, written
from worker.route.operators import MODIFIERS, OPERATORS, Asked, Context
from worker.route.shape import YES_NO, File, shown

_GROUPS = ("any", "none")
_OTHER_WORDS = {
    "all": "Write the clauses straight into when: all of them must hold.",
    "and": "Write the clauses straight into when: all of them must hold.",
    "or": "Write: any: [ {…}, {…} ]",
    "either": "Write: any: [ {…}, {…} ]",
    "not": "Write: none: [ {…} ], or {not: value} after a field.",
    "known": "It stands in the braces of a field: {known: yes}",
    "or_unknown": "It stands in the braces of a field: {is: value, or_unknown: yes}",
    **dict.fromkeys(
        ("customer.name", "customer.email", "customer.phone", "customer.contact"),
        "Rules are not told who somebody is: write customer.id, or a fact such as customer.tier.",
    ),
}
_COMPARISONS = {
    **SYMBOLS,
    "gt": "above",
    "gte": "at least",
    "ge": "at least",
    "lt": "below",
    "lte": "at most",
    "le": "at most",
}
_OTHER_TESTS = {
    **dict.fromkeys(
        ("equals", "equal", "eq", "==", "in", "one_of", "is_in", "is_one_of", "values"), "{field}: {value}"
    ),
    **dict.fromkeys(("is_not", "isnt", "not_in", "neq", "ne", "!=", "<>", "except"), "{field}: {{not: {value}}}"),
    **dict.fromkeys(("regex", "regexp", "pattern"), "{field}: {{matches: {value}}}"),
    **dict.fromkeys(("has", "includes", "include", "like"), "{field}: {{mentions: {value}}}"),
    **dict.fromkeys(("exists", "is_known", "present", "exist"), "{field}: {{known: yes}}"),
    **dict.fromkeys(("missing", "is_unknown", "unknown", "is_null", "empty", "null"), "{field}: {{known: no}}"),
}
_KIND_OF = {
    **dict.fromkeys(("any_of", "all_of", "none_of"), Kind.LIST),
    **dict.fromkeys(("mentions", "contains", "starts_with", "ends_with", "matches"), Kind.TEXT),
    **dict.fromkeys(("within_last", "on", "between", "before", "after", "in_hours", "outside_hours"), Kind.TIME),
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What conditions may speak of."""

    fields: Mapping[str, Field]
    context: Context

    def field(self, name: str, node: Node) -> Field | None:
        """The field of that name; one that nobody declared is of the kind its test asks for."""
        return self.fields.get(name) or undeclared(name, kind_asked_for(node))

    def suggestion(self, name: str) -> str:
        head, _, tail = name.partition(":")
        if head in self.fields:
            return f'Put a space after the ":". Write: {head}: {shown(tail)}'
        whole = next((known for known in self.fields if name.startswith(f"{known}.")), None)
        if whole:
            return f'Did you mean "{whole}"?'
        told = next((known for known in self.fields if name.startswith(f"{known} ")), None)
        if told:
            return f'Put a ":" after the field. Write: {told}: {shown(name.removeprefix(told).strip())}'
        if name == "response.answers" or name.startswith("answers."):
            return f'Did you mean "response.answers.{name.partition("answers.")[2] or "NAME"}"?'
        last = name.rpartition(".")[2]
        ending = [known for known in self.fields if known.endswith(f".{last}")]
        near = closest(name, [*self.fields, *(prefix + last for prefix in OPEN_PREFIXES)])
        if ending and (near is None or "." not in name):
            near = ending[0] if len(ending) == 1 else None
        if near:
            return f'Did you mean "{near}"?'
        if len(ending) > 1:
            return f"Did you mean {' or '.join(f'{chr(34)}{known}{chr(34)}' for known in ending)}?"
        return "Fields begin with response., customer., interaction., history. or attributes."


def kind_asked_for(node: Node) -> Kind:
    """What a field must be for this test to make sense."""
    if isinstance(node, Map):
        asked = next((_KIND_OF[key] for key in node.entries if key in _KIND_OF), None)
        inner = next((node.get(key) for key in ("is", "not") if node.get(key)), None)
        return asked or (kind_asked_for(inner) if inner else Kind.ANY)
    scalars = [item for item in node.items if isinstance(item, Scalar)] if isinstance(node, Seq) else [node]
    if len(scalars) == 1 and scalars[0].plain and bounds.is_number_test(scalars[0].text):
        return Kind.DURATION if shape.number(scalars[0].text.split()[-1]) is None else Kind.NUMBER
    if scalars and all(item.plain and shape.number(item.text) is not None for item in scalars):
        return Kind.ENUM_OR_NUMBER
    if scalars and all(item.plain and item.text.lower() in YES_NO for item in scalars):
        return Kind.ENUM_OR_BOOLEAN
    return Kind.ENUM


def read_when(file: File, node: Node | None, words: Vocabulary) -> When | None:
    """A condition; None after a finding. No `when` at all is `always`."""
    if node is None or (isinstance(node, Scalar) and node.text == "always"):
        return When()
    if isinstance(node, Scalar):
        said = "nothing" if node.is_null else f'"{shown(node.text)}"'
        file.add(
            "E116",
            node,
            f"when is a mapping of tests, or the word always, not {said}.",
            "Write: when: always" if closest(node.text, ["always"]) else "Write: when: {response.class: detractor}",
        )
        return None
    if isinstance(node, Seq):
        file.add(
            "E116", node, "when is a mapping of tests, not a list.", "Write: {…} for all of them, or any: [ {…}, {…} ]"
        )
        return None
    if not node.entries:
        file.add("E112", node, "when is empty.", "Write tests, or: when: always")
        return None
    clauses = _member(file, node, words, groups=True)
    groups = {name: _group(file, name, node.entries[name][1], words) for name in _GROUPS if name in node.entries}
    if clauses is None or None in groups.values():
        return None
    return When(clauses, groups.get("any") or (), groups.get("none") or ())


def _group(file: File, name: str, node: Node, words: Vocabulary) -> tuple[Member, ...] | None:
    if isinstance(node, Map):
        file.add(
            "E116", node, f'{name} is a list of mappings, each beginning with "- ".', f"Write: {name}: [ {{…}}, {{…}} ]"
        )
        return None
    if not isinstance(node, Seq) or not node.items:
        file.add("E112", node, f"{name} is empty, so it means nothing.", "Put tests into it, or delete it.")
        return None
    members = [_group_member(file, name, item, words) for item in node.items]
    return None if None in members else tuple(member for member in members if member is not None)


def _group_member(file: File, name: str, node: Node, words: Vocabulary) -> Member | None:
    if not isinstance(node, Map):
        file.add(
            "E116",
            node,
            f"a member of {name} is a mapping of tests, not {shown(written(node))}.",
            "Write: - response.score: at most 4",
        )
        return None
    if not node.entries:
        file.add("E112", node, f"a member of {name} is empty.", "Put tests into it, or delete it.")
        return None
    return _member(file, node, words, groups=False)


def _member(file: File, node: Map, words: Vocabulary, *, groups: bool) -> Member | None:
    found: list[Clause | None] = []
    rest = _rest_of_a_list(node, words)
    for name, (key, right) in node.entries.items():
        if name in rest:
            found.append(None)
            if rest[name]:
                file.add("E102", key, f'unknown field "{shown(key.text)}".', rest[name])
        elif name not in _GROUPS:
            found.append(_clause(file, key, right, words))
        elif not groups:
            file.add("E113", key, f'"{name}" inside a group: groups do not nest.', "Make it a rule of its own.")
            found.append(None)
    return None if None in found else tuple(clause for clause in found if clause is not None)


def _rest_of_a_list(node: Map, words: Vocabulary) -> dict[str, str]:
    """`tier: gold, platinum` in braces: platinum is a key without a value. By key what to write, told once a list."""
    found: dict[str, str] = {}
    field, values = "", list[str]()
    for name, (_, value) in node.entries.items():
        if values and isinstance(value, Scalar) and value.is_null and value.plain and not set(".:") & set(name):
            first = next((key for key in found if field in found[key]), name)
            values.append(name)
            thousands = all(text.isdigit() and len(text) == 3 for text in values[1:]) and values[0][-1:].isdigit()
            right = "".join(values) if thousands else f"[{', '.join(values)}]"
            why = "A number is written without commas" if thousands else "Several values stand in brackets"
            found[name] = ""
            found[first] = f"{why}. Write: {field}: {right}"
        elif isinstance(value, Scalar) and not value.is_null and words.field(name, value):
            field, values = name, [value.text]
        else:
            field, values = "", []
    return found


def _clause(file: File, key: Scalar, node: Node, words: Vocabulary) -> Clause | None:
    field = words.field(key.text, node)
    if field is None:
        fix = _OTHER_WORDS.get(key.text.lower()) or _meant_group(key, node) or words.suggestion(key.text)
        file.add("E102", key, f'unknown field "{shown(key.text)}".', fix)
        return None
    clause = Clause(field, (), written(node), file.place(key))
    if isinstance(node, Map):
        return _braces(file, node, clause, words.context)
    if isinstance(node, Scalar) and node.is_null:
        file.add("E107", node, f"{field.name} has no value.", f"Write a value, or: {field.name}: {{known: no}}")
        return None
    test = operators.plain(Asked(file, node, field, words.context))
    return replace(clause, tests=(test,)) if test else None


def _meant_group(key: Scalar, node: Node) -> str:
    """A list of mappings is a group, however its name is spelt."""
    is_group = isinstance(node, Seq) and any(isinstance(item, Map) for item in node.items)
    near = closest(key.text, _GROUPS) if is_group else None
    return f'Did you mean "{near}"?' if near else ""


def _braces(file: File, node: Map, clause: Clause, context: Context) -> Clause | None:
    field = clause.field
    if not node.entries:
        file.add("E112", node, f"{field.name} has no test in its braces.", "Write one, or delete the line.")
        return None
    tests = [
        _operator(file, key, right, field, context)
        for name, (key, right) in node.entries.items()
        if name not in MODIFIERS
    ]
    known = shape.boolean(file, node.get("known"), "known")
    or_unknown = shape.boolean(file, node.get("or_unknown"), "or_unknown")
    broken = None in tests or (known is None and node.get("known")) or (or_unknown is None and node.get("or_unknown"))
    if broken:
        return None
    clause = replace(clause, tests=tuple(test for test in tests if test), known=known, or_unknown=bool(or_unknown))
    return clause if _makes_sense(file, node, clause) else None


def _operator(file: File, key: Scalar, node: Node, field: Field, context: Context) -> Test | None:
    operator = OPERATORS.get(key.text)
    fitting = [name for name, known in OPERATORS.items() if known.suits(field)]
    if operator is None:
        near = closest(key.text, [*fitting, *MODIFIERS])
        words = f"{_COMPARISONS.get(key.text, key.text)} {written(node)}".replace("_", " ")
        file.add(
            "E101",
            key,
            f'unknown test "{shown(key.text)}". {field.name} is {bounds.article(field.kind)}; its tests '
            f"are: {', '.join([*fitting, *MODIFIERS])}.",
            _said_otherwise(key.text, node, field) or _meant(near, words, field),
        )
        return None
    if not operator.suits(field):
        file.add(
            "E106",
            key,
            f'"{key.text}" cannot test {field.name}, which is {bounds.article(field.kind)}.',
            _instead(operator.name, node, field, fitting),
        )
        return None
    return operator.read(Asked(file, node, field, context, f'"{operator.name}"'))


def _meant(near: str | None, words: str, field: Field) -> str:
    if field.kind in NUMBERS:
        meant = words if bounds.parse_bounds(words, field.kind) else bounds.reworded(words, field.kind)
        if meant:
            return f"Write: {field.name}: {meant}"
    return f'Did you mean "{near}"?' if near else ""


def _said_otherwise(test: str, node: Node, field: Field) -> str:
    """What to write for a test of another product, where the field has one like it."""
    meant = _OTHER_TESTS.get(test.lower(), "").format(field=field.name, value=shown(written(node)))
    wanted = next((name for name in OPERATORS if f"{{{name}: " in meant), "is")
    values = "known: " not in meant
    if not meant or not OPERATORS[wanted].suits(field) or (values and field.kind is Kind.TIME):
        return ""
    return f"Write: {meant}"


def _instead(operator: str, node: Node, field: Field, fitting: list[str]) -> str:
    if operator == "any_of":
        return f"Write: {field.name}: {shown(written(node))}"
    if operator == "none_of":
        return f"Write: {field.name}: {{not: {shown(written(node))}}}"
    if operator == "between" and field.kind in NUMBERS and isinstance(node, Seq) and len(node.items) == 2:
        return f"Write: {field.name}: {' to '.join(written(item) for item in node.items)}"
    if field.kind is Kind.NUMBER:
        return "Write: at most 4, at least 4, below 4, above 4, or 0 to 4."
    return f"Its tests are: {', '.join(fitting)}."


def _makes_sense(file: File, node: Map, clause: Clause) -> bool:
    """Refuses braces that say nothing, or contradict themselves."""
    name = clause.field.name
    if clause.known is None and not clause.tests:
        file.add("E107", node, f"{name}: or_unknown stands alone.", "Write: {is: value, or_unknown: yes}")
    elif clause.or_unknown and clause.known is not None:
        file.add("E129", node, f"{name}: known and or_unknown say opposite things.", "Keep one of them.")
    elif clause.known is False and clause.tests:
        file.add(
            "E105",
            node,
            f"{name}: a field without a value passes no other test, so this can never hold.",
            "Keep known: no, or the test.",
        )
    elif _excludes_all(clause):
        file.add(
            "E105", node, f"{name}: not names every value it can have, so this can never hold.", "Take one of them out."
        )
    elif _contradiction(clause.tests):
        file.add(
            "E105", node, f"{name}: the tests exclude each other, so this can never hold.", "Take one of them out."
        )
    else:
        return True
    return False


def _excludes_all(clause: Clause) -> bool:
    """Whether `not` names every value that the field can have."""
    every = clause.field.canonical
    if not every or clause.field.kind is Kind.LIST or clause.or_unknown:
        return False
    return any(isinstance(test, IsNot) and test.values >= every for test in clause.tests)


def _contradiction(tests: Iterable[Test]) -> bool:
    """Whether no value can pass all tests, as far as their lists tell."""
    banned = frozenset[str]().union(*(test.values for test in tests if isinstance(test, IsNot | NoneOf)))
    return any(
        (isinstance(test, Is | AnyOf) and test.values <= banned) or (isinstance(test, AllOf) and test.values & banned)
        for test in tests
    )
