"""playbooks.yaml, and the playbook keys that a rule may override.

A key of a playbook is one record in KEYS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from worker.model.playbook import (
    Escalation,
    IfOpen,
    Milestone,
    OnePer,
    Playbook,
    Priority,
    Remind,
    Say,
    Tell,
    TellCustomer,
    Tries,
)  # fmt: skip
from worker.model.span import Unit
from worker.route import shape
from worker.route.nodes import Map, Node, Seq
from worker.route.references import OWNERS, RECIPIENTS, Desk

PRIORITIES = tuple(priority.word for priority in Priority)
TO_CLOSE = ("root_cause", "action", "outcome", "arose", "worth", "note")
_MILESTONES = tuple(milestone.value for milestone in Milestone)
_WHEN = ("after", "at", "after_due")
_EVEN_IF = ("private", "severity")


def _owner(desk: Desk, node: Node) -> tuple[str, ...] | None:
    return desk.whos(node, "owner", OWNERS) or None


def _owner_not(desk: Desk, node: Node) -> tuple[str, ...] | None:
    return desk.whos(node, "owner_not", OWNERS) if not _empty_list(node) else ()


def _empty_list(node: Node) -> bool:
    return not getattr(node, "items", True)


def _text(what: str) -> Callable[[Desk, Node], str | None]:
    return lambda desk, node: shape.text(desk.file, node, what)


def _private(desk: Desk, node: Node) -> bool | None:
    return shape.boolean(desk.file, node, "private")


def _closes_itself(desk: Desk, node: Node) -> bool | None:
    return shape.boolean(desk.file, node, "closes_itself")


def _priority(desk: Desk, node: Node) -> str | None:
    return shape.choice(desk.file, node, "priority", PRIORITIES)


def _due(desk: Desk, node: Node) -> Any:
    return desk.span(node, "due")


def _one_open_per(desk: Desk, node: Node) -> OnePer | None:
    found = shape.choice(desk.file, node, "value of one_open_per", tuple(OnePer))
    return OnePer(found) if found else None


def _if_already_open(desk: Desk, node: Node) -> IfOpen | None:
    found = shape.choice(desk.file, node, "value of if_already_open", tuple(IfOpen))
    return IfOpen(found) if found else None


def _reopen_within(desk: Desk, node: Node) -> Any:
    return desk.span(node, "reopen_within")


def _to_close(desk: Desk, node: Node) -> tuple[str, ...] | None:
    return shape.choices(desk.file, node, "to_close", TO_CLOSE)


def _tries(desk: Desk, node: Node) -> Tries | None:
    body = shape.mapping(desk.file, node, "tries", "Write: {at_most: 3, every: 4 business hours}")
    if body is None:
        return None
    found = shape.keys(desk.file, body, "tries", ("at_most", "every"), ("at_most", "every"))
    at_most = shape.whole_number(desk.file, found.get("at_most"), "a number of tries", most=100)
    every = desk.span(found.get("every"), "every")
    return Tries(at_most=at_most, every=every) if at_most and every else None


def _due_soon(desk: Desk, node: Node) -> Any:
    found = desk.span(node, "due_soon")
    if found and found.unit is Unit.BUSINESS_DAYS:
        desk.file.add(
            "E104", node, f'due_soon cannot be "{found}": business days are not counted backwards.',
            "Write it in hours, such as: 8 business hours",
        )  # fmt: skip
        return None
    return found


def _by(desk: Desk, node: Node | None) -> tuple[str, ...] | None:
    if node is None:
        return None
    nodes = shape.one_or_many(desk.file, node, "by")
    found = [shape.choice(desk.file, item, "channel", desk.channels) for item in nodes]
    return tuple(word for word in found if word) or None


def _delivery(desk: Desk, found: Mapping[str, Node]) -> dict[str, Any]:
    """`by` and `next_channel_after`, where they are given."""
    after = shape.span(desk.file, found.get("next_channel_after"), "next_channel_after", business=False)
    return shape.present({"by": _by(desk, found.get("by")), "next_channel_after": after})


def _notify(desk: Desk, node: Node) -> tuple[Tell, ...]:
    told = []
    for item in shape.items(desk.file, node, "notify"):
        body = shape.mapping(desk.file, item, "an entry of notify", "Write: {to: owner, by: [slack, email]}")
        if body is None:
            continue
        found = shape.keys(desk.file, body, "an entry of notify", ("to", "by", "next_channel_after"))
        to = desk.who(found.get("to"), "to", RECIPIENTS)
        told.append(Tell(**shape.present({"to": to}), **_delivery(desk, found)))
    if isinstance(node, Seq) and not node.items:
        desk.file.add(
            "E112", node, "notify is empty, so nobody would be told.", "Write: [{to: owner}], or delete the key."
        )
    return tuple(told)


def _tell_customer(desk: Desk, node: Node) -> tuple[TellCustomer, ...]:
    told: dict[Say, TellCustomer] = {}
    for item in shape.items(desk.file, node, "tell_customer"):
        entry = _customer_entry(desk, item)
        if entry and entry.say in told:
            desk.file.add("E129", item, f"tell_customer says {entry.say} twice.", "Keep one of the two.")
        elif entry:
            told[entry.say] = entry
    return tuple(told.values())


def _customer_entry(desk: Desk, node: Node) -> TellCustomer | None:
    file, what = desk.file, "an entry of tell_customer"
    body = shape.mapping(file, node, what, "Write: {say: thanks}")
    if body is None:
        return None
    found = shape.keys(file, body, what, ("say", "by", "at_most_every", "even_if"), ("say",))
    say = shape.choice(file, found.get("say"), "word to a customer", tuple(Say))
    _by_mail_only(desk, found.get("by"))
    every = shape.span(file, found.get("at_most_every"), "at_most_every", business=False)
    even_if = shape.choices(file, found["even_if"], "even_if", _EVEN_IF) if "even_if" in found else None
    return TellCustomer(say=Say(say), **shape.present({"at_most_every": every, "even_if": even_if})) if say else None


def _by_mail_only(desk: Desk, node: Node | None) -> None:
    for word in () if node is None else shape.one_or_many(desk.file, node, "by"):
        if word.text != "email":
            said = f'a customer cannot be told by "{shape.shown(word.text)}": mail is the only way to them.'
            desk.file.add("E103", word, said, "Write: by: email, or leave it out.")


def check_customer(desk: Desk, node: Node | None, plan: Playbook) -> None:
    """Thanks belong to what closes itself, where nobody will be in touch; everything else to what people work on."""
    wrong = [entry.say for entry in plan.tell_customer if (entry.say is Say.THANKS) is not plan.closes_itself]
    if wrong and node is not None:
        word = f'say: {wrong[0]} does not fit playbook "{plan.id}": it '
        itself, people = "closes itself, so nobody will be in touch.", "is worked on by people, who answer themselves."
        fix = "Write: say: thanks" if plan.closes_itself else "Write: say: recovery_reply or say: we_fixed_it"
        desk.file.add("E129", node, word + (itself if plan.closes_itself else people), fix)


def _remind(desk: Desk, node: Node) -> Remind | None:
    body = shape.mapping(desk.file, node, "remind", "Write: {every: 1 business day, until: acknowledged}")
    if body is None:
        return None
    found = shape.keys(desk.file, body, "remind", ("every", "until", "by", "next_channel_after"), ("every",))
    every = desk.span(found.get("every"), "every")
    until = shape.choice(desk.file, found.get("until"), "milestone", _MILESTONES)
    if every is None:
        return None
    return Remind(
        every=every, **shape.present({"until": Milestone(until) if until else None}), **_delivery(desk, found)
    )


def _escalate(desk: Desk, node: Node) -> tuple[Escalation, ...]:
    rungs = (_rung(desk, item) for item in shape.items(desk.file, node, "escalate"))
    return tuple(rung for rung in rungs if rung)


_RUNG = ("after", "at", "after_due", "unless", "to", "hand_over", "priority", "by", "next_channel_after")


def _rung(desk: Desk, node: Node) -> Escalation | None:
    file, what = desk.file, "an entry of escalate"
    body = shape.mapping(file, node, what, "Write: {after: 2 business hours, unless: acknowledged, to: manager}")
    if body is None:
        return None
    found = shape.keys(file, body, what, _RUNG, ("to",))
    moments = [key for key in _WHEN if key in found]
    if len(moments) != 1:
        if moments or set(body.entries) <= set(_RUNG):  # a misspelt "after" is told already
            _refuse_moments(desk, body, moments)
        return None
    to = desk.who(found.get("to"), "to", RECIPIENTS)
    unless = shape.choice(file, found.get("unless"), "milestone", _MILESTONES)
    priority = shape.choice(file, found.get("priority"), "priority", PRIORITIES)
    hand_over = shape.boolean(file, found.get("hand_over"), "hand_over")
    moment = {
        "after": desk.span(found.get("after"), "after"),
        "after_due": desk.span(found.get("after_due"), "after_due"),
        "at": shape.choice(file, found.get("at"), "moment", ("due",)),
    }
    if to is None or not any(moment.values()):
        return None
    rest = shape.present({"hand_over": hand_over, "priority": priority, **moment})
    return Escalation(to=to, unless=Milestone(unless or Milestone.CLOSED), **rest, **_delivery(desk, found))


def _refuse_moments(desk: Desk, body: Map, moments: list[str]) -> None:
    said = f"{' and '.join(moments)} stand side by side" if moments else "it does not say when"
    desk.file.add(
        "E129",
        body,
        f"an entry of escalate has exactly one of after, at and after_due; {said}.",
        "Write one: after: 2 business hours, at: due, or after_due: 1 business day.",
    )


KEYS: Mapping[str, Callable[[Desk, Node], Any]] = {
    "first_step": _text("first_step"),
    "owner": _owner,
    "owner_not": _owner_not,
    "private": _private,
    "closes_itself": _closes_itself,
    "priority": _priority,
    "due": _due,
    "one_open_per": _one_open_per,
    "if_already_open": _if_already_open,
    "reopen_within": _reopen_within,
    "to_close": _to_close,
    "tries": _tries,
    "due_soon": _due_soon,
    "notify": _notify,
    "tell_customer": _tell_customer,
    "remind": _remind,
    "escalate": _escalate,
}


def read_keys(desk: Desk, found: Mapping[str, Node]) -> dict[str, Any]:
    """Values of playbook keys, by the names of Playbook's fields."""
    return shape.present({name: KEYS[name](desk, node) for name, node in found.items() if name in KEYS})


def read_playbooks(desk: Desk, top: Map) -> dict[str, Playbook]:
    """All playbooks that could be read; the ids of the others are known all the same."""
    found = shape.keys(desk.file, top, "playbooks.yaml", ("format", "playbooks"), ("playbooks",))
    body = shape.mapping(desk.file, found.get("playbooks"), "playbooks", "Write: recover: {name: …, owner: …, due: …}")
    entries = body.entries if body else {}
    if body is not None:
        desk.references.known["playbook"] = dict.fromkeys(entries)
    playbooks = (_playbook(desk, name) for name in entries.values())
    return {playbook.id: playbook for playbook in playbooks if playbook}


def _playbook(desk: Desk, entry: tuple[Any, Node]) -> Playbook | None:
    key, node = entry
    shape.is_identifier(desk.file, key, "a playbook")
    body = shape.mapping(desk.file, node, f'playbook "{key.text}"', "Write: {name: …, owner: …, due: …}")
    if body is None:
        return None
    what = f'playbook "{key.text}"'
    found = shape.keys(desk.file, body, what, ("name", *KEYS), ("name", "owner", "due"), at=key)
    name = shape.text(desk.file, found.get("name"), "name")
    values = read_keys(desk, found)
    if name is None or "owner" not in values or "due" not in values:
        return None
    plan = Playbook(id=key.text, name=name, **values)
    check_customer(desk, found.get("tell_customer"), plan)
    return plan
