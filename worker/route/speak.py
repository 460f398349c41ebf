"""Rules as English sentences, for people who read mail and pages instead of YAML."""

from __future__ import annotations

from collections.abc import Sequence

from worker.model.directory import Directory
from worker.model.playbook import Playbook, Say
from worker.route.clauses import Clause, Member, When
from worker.route.conditions import AllOf, AnyOf, Between, Is, IsNot, NoneOf, Test, either, neither
from worker.route.fields import Kind
from worker.route.schema import Addition, Rule

_NOUNS = {
    "response.score": "the score",
    "response.comment": "the comment",
    "response.sentiment": "the sentiment",
    "response.responded_at": "the answer",
    "response.metric": "the metric",
    "customer.value": "the customer's yearly value",
    "customer.open_follow_ups": "the number of the customer's open follow-ups",
    "interaction.wait_seconds": "the waiting time",
    "interaction.transfers": "the number of transfers",
    "history.responses_90d": "the number of the customer's other responses in 90 days",
    "history.detractors_90d": "the number of the customer's other bad scores in 90 days",
    "history.previous_class": "the customer's class before",
    "history.previous_score": "the customer's score before",
    "history.score_change": "the change since the customer's score before",
    "now": "the time of deciding",
}
_YES = {
    "response.text_read": ("the comment could be analysed", "the comment could not be analysed"),
    "response.callback_requested": ("the customer asked to be called", "the customer did not ask to be called"),
    "response.public": ("the response is public", "the response is not public"),
    "response.test": ("it is a test", "it is no test"),
    "customer.may_contact": ("the customer may be contacted", "the customer may not be contacted"),
}
_TOLD = {
    Say.THANKS: "thank the customer by mail",
    Say.RECOVERY_REPLY: "tell the customer by mail that somebody will be in touch",
    Say.WE_FIXED_IT: "let whoever closes it tell the customer what was changed",
}
_ROLES = {
    "agent": "the agent",
    "manager": "the manager",
    "account_manager": "the account manager",
    "owner": "the owner",
    "unit_manager": "the unit's manager",
    "team_lead": "the team lead",
    "team_queue": "the team's queue",
}


def sentence(rule: Rule, directory: Directory | None = None) -> str:
    """The whole rule: `When the score is at most 4, open recover for the agent, due in 1 business day.`

    With a directory, people and teams are called by their names.
    """
    parts = [_limits(rule), _when(rule.when), _action(rule, directory)]
    text = ", ".join(part for part in parts if part)
    text = text[:1].upper() + text[1:]
    return f"{text}. (Observed only: it changes nothing.)" if rule.observe else f"{text}."


def condition(when: When) -> str:
    """`the score is at most 4 and the customer's tier is gold or platinum`."""
    if when.always:
        return "anything else"
    parts = [clause_words(clause) for clause in when.clauses]
    if when.any:
        parts.append(_either_member(when.any))
    parts += [
        f"not ({_member(member)})" if len(member) > 1 else clause_words(member[0], turned=True) for member in when.none
    ]
    return listed(parts)


def _when(when: When) -> str:
    return "in every other case" if when.always else f"when {condition(when)}"


def _either_member(members: Sequence[Member]) -> str:
    if len(members) == 1:
        return _member(members[0])
    return "either " + " or ".join(f"({_member(member)})" for member in members)


def _member(member: Member) -> str:
    return listed([clause_words(clause) for clause in member])


def clause_words(clause: Clause, *, turned: bool = False) -> str:
    """A clause as a statement; `turned` says its opposite, for members of `none`."""
    said = _statement(clause, turned)
    if clause.or_unknown:
        return f"{said} (and this is known)" if turned else f"{said} (or this is unknown)"
    return said


def _statement(clause: Clause, turned: bool) -> str:
    if not clause.tests:
        return f"{noun(clause.field.name)} {'is known' if (clause.known is not False) != turned else 'is not known'}"
    joined = " or " if turned else " and "
    return joined.join(_test_words(clause, test, turned) for test in clause.tests)


def _test_words(clause: Clause, test: Test, turned: bool) -> str:
    name = clause.field.name
    if clause.field.kind is Kind.BOOLEAN and name in _YES and isinstance(test, Is | IsNot) and len(test.values) == 1:
        yes = (True in test.values) == isinstance(test, Is)
        return _YES[name][0 if yes != turned else 1]
    if name in ("response.themes", "response.severity") and isinstance(test, AnyOf | AllOf | NoneOf):
        no = isinstance(test, NoneOf) != turned
        labels = [label.replace("_", " ") for label in test.said]
        said = listed(labels) if isinstance(test, AllOf) else either(labels)
        how = "about" if name == "response.themes" else "marked"
        return f"the comment is {'not ' if no else ''}{how} {said}"
    if name == "response.class" and isinstance(test, Is | IsNot):
        no = isinstance(test, IsNot) != turned
        return f"the customer is {_class_words(test.said, no)}"
    verb = test.words if not isinstance(test, Between) else f"is {test.words}"
    return f"{noun(name)} {_opposite(test, verb) if turned else verb}"


def _class_words(classes: Sequence[str], no: bool) -> str:
    """`a detractor or passive`, `neither a promoter nor passive`."""
    said = [name if name == "passive" else f"a {name}" for name in classes]
    if not no:
        return either(said)
    return f"neither {neither(said)}" if len(said) > 1 else f"not {said[0]}"


def _opposite(test: Test, verb: str) -> str:
    if isinstance(test, Is):
        return f"is not {test.said[0]}" if len(test.said) == 1 else f"is neither {neither(test.said)}"
    if isinstance(test, IsNot):
        return f"is {either(test.said)}"
    first, _, rest = verb.partition(" ")
    return {"is": f"is not {rest}", "was": f"was not {rest}", "has": f"has not {rest}", "lacks": f"has {rest}"}.get(
        first, f"does not {first.removesuffix('s')} {rest}"
    )


def asked(clause: Clause) -> str:
    """The tests alone: `is gold or platinum`, `at most 4`."""
    said = " and ".join(test.words for test in clause.tests)
    if clause.known is not None and not said:
        said = "is known" if clause.known else "is not known"
    return f"{said}, or unknown" if clause.or_unknown else said


def noun(field: str) -> str:
    """A field as people call it."""
    known = _NOUNS.get(field)
    if known:
        return known
    part, _, name = field.partition(".")
    words = name.removeprefix("attributes.").removeprefix("answers.").replace("_", " ")
    if part == "customer":
        return f"the customer's {words}"
    return f"the answer to {words}" if name.startswith("answers.") else f"the {words}"


def _limits(rule: Rule) -> str:
    dates = [f"from {rule.since}" if rule.since else "", f"until {rule.until}" if rule.until else ""]
    share = f"for {float(rule.rollout * 100):g} % of customers" if rule.rollout is not None else ""
    return ", ".join(part for part in (" ".join(day for day in dates if day), share) if part)


def _action(rule: Rule, directory: Directory | None) -> str:
    if rule.ignore is not None:
        return f"do nothing: {rule.ignore}"
    if rule.add is not None:
        return addition(rule.add, directory)
    return _opening(rule.plan, directory) if rule.plan else "do nothing"


def _opening(plan: Playbook, directory: Directory | None) -> str:
    owners = ", else ".join(who(candidate, directory) for candidate in plan.owner)
    never = f", but never {either([who(one, directory) for one in plan.owner_not])}" if plan.owner_not else ""
    urgency = "" if plan.priority == "normal" else f", with {plan.priority} priority"
    private = ", in private" if plan.private else ""
    told = "".join(f", and {_TOLD[entry.say]}" for entry in plan.tell_customer)
    return f"open {plan.id} for {owners}{never}{private}{urgency}, due in {plan.due}{told}"


def addition(add: Addition, directory: Directory | None = None) -> str:
    """What an `also` entry adds."""
    parts = [f"send a copy to {listed([who(one, directory) for one in add.copy])}"] if add.copy else []
    parts += [f"add the tag{'s' if len(add.tags) > 1 else ''} {listed(add.tags)}"] if add.tags else []
    parts += [f"make the priority at least {add.at_least.word}"] if add.at_least else []
    return f"also {listed(parts)}" if parts else "add nothing"


def who(candidate: str, directory: Directory | None = None) -> str:
    """`the account manager`, `team product`, `bo`; with a directory `the team Product`, `Bo Marsh`."""
    kind, colon, name = candidate.partition(":")
    if not colon:
        return _ROLES.get(candidate, candidate)
    if kind == "person":
        person = directory.people.get(name) if directory else None
        return person.name if person else name
    team = directory.teams.get(name) if directory else None
    return f"the team {team.name}" if team else f"team {name}"


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
