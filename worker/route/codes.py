"""Every code a finding may carry: what it says, why the language refuses it, a wrong example and the fix.

The reference in the docs is made from this list, and a test holds each example against the loader.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Code(Struct, frozen=True, kw_only=True):
    """`wrong` is the content of `file` in an otherwise right set (None: the file is missing); `fix` mends it.

    Files of rules hold one rule more than `wrong` shows where a set needs it. Bytes that are no text are written as
    Latin-1.
    """

    code: str
    what: str
    why: str
    fix: str
    file: str
    wrong: str | None

    @property
    def is_error(self) -> bool:
        return self.code.startswith("E")


_LAST = "  - {id: everything-else, when: always, then: {ignore: no rule holds}}\n"


def _rules(text: str, tail: str = "") -> str:
    """routing.yaml with some rules, the last one that every set needs, and what follows the rules."""
    return f"format: 1\ntimezone: Europe/Berlin\nrules:\n{text}{_LAST}{tail}"


def _when(test: str) -> str:
    return _rules(f"  - id: first\n    when: {{{test}}}\n    then: {{open: recover}}\n")


def _test(text: str) -> str:
    return _rules("", f"tests:\n  - {text}\n")


def _playbook(keys: str) -> str:
    return f"format: 1\nplaybooks:\n  recover: {{name: Win them back, {keys}}}\n"


def _people(text: str, before: str = "") -> str:
    head = "people:\n  head: {name: Head, email: head@example.com}\n"
    return f'format: 1\ndefault_owner: "person:head"\n{before}{head}{text}'


_CODES = (
    Code(
        code="E100", what="The file is not YAML.",
        why="A parser cannot tell what was meant, so nothing of the file is used.",
        fix='name: "Gold: the loud ones"',
        file="routing.yaml", wrong=_rules("  - id: first\n    name: Gold: the loud ones\n    then: {open: recover}\n"),
    ),
    Code(
        code="E101", what="A key that does not exist.",
        why="A misspelt key would silently do nothing, and a rule without its test would hold for everybody.",
        fix="when: {response.class: detractor}", file="routing.yaml",
        wrong=_rules("  - id: first\n    wehn: {response.class: detractor}\n    then: {open: recover}\n"),
    ),
    Code(
        code="E102", what="A field that does not exist.", why="A clause on it could never hold.",
        fix="customer.tier: gold", file="routing.yaml", wrong=_when("custmer.tier: gold"),
    ),
    Code(
        code="E103", what="A word that is not one of those allowed.",
        why="The list is closed, so the word would never be met.",
        fix="response.class: detractor", file="routing.yaml", wrong=_when("response.class: detracter"),
    ),
    Code(
        code="E104", what="A value that cannot be read.",
        why="Numbers are tested in words, since a line that begins with > means something else in YAML. "
        "Dates are year-month-day, times of day hours:minutes, spans a number and a unit.",
        fix="response.score: at most 4", file="routing.yaml", wrong=_when("response.score: atmost 4"),
    ),
    Code(
        code="E105", what="Something that can never be.",
        why="A rule that can never hold, or hours that never open, is a mistake waiting to be noticed too late.",
        fix="response.score: at least 9", file="routing.yaml", wrong=_when("response.score: above 10"),
    ),
    Code(
        code="E106", what="A test that does not fit the type of its field.",
        why="Each type has its own tests: words for text, bounds for numbers, labels for lists.",
        fix="response.score: at most 4", file="routing.yaml", wrong=_when("response.score: {contains: 4}"),
    ),
    Code(
        code="E107", what="Something that is needed is missing.", why="There is no safe guess.",
        fix="recover: {name: Win them back, owner: agent, due: 1 day}",
        file="playbooks.yaml", wrong=_playbook("owner: agent"),
    ),
    Code(
        code="E108", what="A key that is written twice.", why="Only one of them could count.",
        fix="customer.tier: [gold, platinum]", file="routing.yaml",
        wrong=_when("customer.tier: gold, customer.tier: platinum"),
    ),
    Code(
        code="E109", what='A value that vanished behind " #".',
        why='In YAML everything after a space and "#" is a comment, so a channel must stand in quotes.',
        fix='queue: {slack: "#billing-alerts"}', file="directory.yaml",
        wrong=_people("", "teams:\n  billing:\n    queue:\n      slack: #billing-alerts\n"),
    ),
    Code(
        code="E110", what="A tab in the indentation.", why="YAML counts spaces, and a tab is no number of spaces.",
        fix="Use spaces.", file="routing.yaml", wrong=_rules("  - id: first\n\tthen: {open: recover}\n"),
    ),
    Code(
        code="E111", what="An anchor, an alias, a merge key or a tag.",
        why="A rule must say everything where it stands: its reader should not have to look elsewhere.",
        fix="when: {customer.tier: gold}", file="routing.yaml",
        wrong=_rules("  - {id: first, when: &gold {customer.tier: gold}, then: {open: recover}}\n"),
    ),
    Code(
        code="E112", what="Something empty that says nothing.",
        why="An empty group could mean everything or nothing; the author meant neither.",
        fix="none: [ {customer.country: NO} ]", file="routing.yaml", wrong=_when("response.class: detractor, none: []"),
    ),
    Code(
        code="E113", what="A group inside a group.", why="One level can still be read aloud.",
        fix="Make it a rule of its own.", file="routing.yaml",
        wrong=_when("any: [{response.score: 3, none: [{customer.tier: gold}]}]"),
    ),
    Code(
        code="E114", what="An id that is not written as ids are.",
        why="Ids stand in links, tables and commands: lower-case letters, digits, -, _ and ., beginning with a letter.",
        fix="id: gold-billing", file="routing.yaml", wrong=_rules("  - {id: Gold Billing, then: {open: recover}}\n"),
    ),
    Code(
        code="E115", what="An id that is taken.", why="Decisions, figures and people refer to a rule by its id.",
        fix="Give one of them another id.", file="routing.yaml",
        wrong=_rules("  - {id: same, when: {response.class: detractor}, then: {open: recover}}\n"
                     "  - {id: same, when: {response.class: passive}, then: {open: recover}}\n"),
    ),
    Code(
        code="E116", what="A list where a mapping belongs, or the other way round.",
        why="The shape says what is meant: a mapping holds tests that must all hold, a list holds alternatives.",
        fix="any: [ {response.score: at most 4} ]", file="routing.yaml",
        wrong=_when("any: {response.score: at most 4}"),
    ),
    Code(
        code="E117", what="More than the language allows: 2 MB a file, 20 levels, 20,000 rules.",
        why="A slip of a generator must not take the worker down.", fix="Split the file, or delete what is not needed.",
        file="routing.yaml", wrong=f"format: 1\nrules: {'[' * 21}{']' * 21}\n",
    ),
    Code(
        code="E118", what="A file that is not UTF-8.", why="Other encodings turn names and words into something else.",
        fix="Save it as UTF-8.", file="directory.yaml", wrong=_people("  ana: {name: Jos\xe9}\n"),
    ),
    Code(
        code="E119", what="A name that nobody has.",
        why="A follow-up must not wait for a person or team that is not there.",
        fix='owner: "person:head"', file="playbooks.yaml", wrong=_playbook('owner: "person:haed", due: 1 day'),
    ),
    Code(
        code="E120", what="The last rule does not hold always.",
        why="A response that no rule matches would be lost without a word.",
        fix="- {id: everything-else, when: always, then: {ignore: no rule holds}}", file="routing.yaml",
        wrong="format: 1\nrules:\n  - {id: only, when: {response.class: detractor}, then: {open: recover}}\n",
    ),
    Code(
        code="E121", what="A circle: delegates who stand in for each other, or a unit above itself.",
        why="The work would go round and reach nobody.", fix="Name somebody who is there.", file="directory.yaml",
        wrong=_people(
            "  ana: {name: Ana, away: [{from: 2026-12-20, until: 2027-01-02, delegate: cyd}]}\n"
            "  cyd: {name: Cyd, away: [{from: 2026-12-27, until: 2027-01-06, delegate: ana}]}\n"
        ),
    ),
    Code(
        code="E122", what="Business time without a calendar.",
        why='"4 business hours" means nothing where no opening hours are known.',
        fix="default_calendar: berlin", file="playbooks.yaml", wrong=_playbook("owner: agent, due: 4 business hours"),
    ),
    Code(
        code="E123", what="A file that cannot be included.", why="Rules that are not read cannot hold.",
        fix="include: [retail.yaml]", file="routing.yaml", wrong=f"format: 1\ninclude: [retial.yaml]\nrules:\n{_LAST}",
    ),
    Code(
        code="E124", what="A required file is missing.",
        why="Without rules, playbooks and a directory there is nobody to tell.",
        fix="Add it. The shipped set shows what it holds.", file="playbooks.yaml", wrong=None,
    ),
    Code(
        code="E125", what="A format that this version does not read.",
        why="The number changes only when something breaks, so an older program must not guess.",
        fix="format: 1", file="routing.yaml", wrong=f"format: 2\nrules:\n{_LAST}",
    ),
    Code(
        code="E126", what="A span that means different things to different people.",
        why='"1d" is 24 hours to one, a working day to another, tomorrow evening to a third.',
        fix="due: 1 business day", file="playbooks.yaml", wrong=_playbook("owner: agent, due: 1d"),
    ),
    Code(
        code="E127", what="Two people under one name.", why="An event that names them could mean either.",
        fix="Keep the name at one of them.", file="directory.yaml",
        wrong=_people("  ana: {name: Ana, known_as: a-417}\n  bo: {name: Bo, known_as: a-417}\n"),
    ),
    Code(
        code="E128", what="A pattern that cannot be used.",
        why="Patterns are RE2, which is never slow, and RE2 is an optional extra.",
        fix="response.comment: {mentions: [refund]}", file="routing.yaml",
        wrong=_when("response.comment: {matches: '('}"),
    ),
    Code(
        code="E129", what="Two things that exclude each other.", why="Only one of them could count.",
        fix="{after: 2 business hours, unless: acknowledged, to: manager}", file="playbooks.yaml",
        wrong=_playbook("owner: agent, due: 1 day, escalate: [{after: 1 hour, at: due, to: manager}]"),
    ),
    Code(
        code="E130", what="An inline test fails.",
        why="Either a rule does something else than its author thinks, or the test is old.",
        fix="expect: {rule: everything-else}", file="routing.yaml",
        wrong=_test("{name: a happy one, given: {response.score: 10}, expect: {priority: high}}"),
    ),
    Code(
        code="E131", what="A time zone that does not exist.", why="Deadlines are counted on local clocks.",
        fix="timezone: Europe/Berlin", file="routing.yaml", wrong=f"format: 1\ntimezone: Berlin\nrules:\n{_LAST}",
    ),
    Code(
        code="E132", what="A test without its moment.", why="It would give another answer tomorrow.",
        fix="now: 2026-11-20T16:30:00+01:00", file="routing.yaml",
        wrong=_test("{name: due, given: {response.score: 2}, expect: {due: 2026-11-23T12:00:00+01:00}}"),
    ),
    Code(
        code="E133", what="A private playbook whose last resort is a queue.",
        why="What only one person may see must never be shown to a channel.",
        fix='default_owner: "person:head"', file="directory.yaml",
        wrong='format: 1\ndefault_owner: "team:desk"\nteams: {desk: {queue: {slack: "#desk"}}}\n'
        "people: {head: {name: Head, email: head@example.com}}\n",
    ),
    Code(
        code="E150", what="A mapping of a survey tool's JSON that cannot be used.",
        why="Its records would all become dead letters.", fix="namespace: crm", file="sources/shop.yaml",
        wrong="format: 1\nmatch: {has: [rating]}\nreference_only: fetch it\nnamespcae: crm\n",
    ),
    Code(
        code="W201", what="A rule that can never decide.",
        why="Every response it matches is already decided by a rule above it.",
        fix="Move it above that rule, or delete it.", file="routing.yaml",
        wrong=_rules("  - {id: first, when: {response.class: detractor}, then: {open: recover}}\n"
                     "  - {id: second, when: {response.class: detractor, customer.tier: gold}, "
                     "then: {open: recover}}\n"),
    ),
    Code(
        code="W202", what="A condition that contradicts itself.",
        why="What the tests ask for, the group none forbids.", fix="Take one of them out.", file="routing.yaml",
        wrong=_when("customer.tier: gold, none: [{customer.tier: [gold, platinum]}]"),
    ),
    Code(
        code="W203", what="A file that nothing reads.", why="Its rules would be missed without a word.",
        fix="include: [retail.yaml]", file="retail.yaml", wrong=f"format: 1\nrules:\n{_LAST}",
    ),
    Code(
        code="W204", what="A file that does not say its format.", why="Later formats will be told apart by it.",
        fix="format: 1", file="playbooks.yaml",
        wrong="playbooks: {recover: {name: Win them back, owner: agent, due: 1 day}}\n",
    ),
    Code(
        code="W205", what="A value that reads like a test.",
        why="It is compared as a whole, and hardly any customer has a tier of that name.",
        fix="customer.tier: [gold, platinum]", file="routing.yaml", wrong=_when("customer.tier: gold or platinum"),
    ),
)  # fmt: skip

CODES: Mapping[str, Code] = {code.code: code for code in _CODES}
