"""What came of a beat, as the store tells it: a sentence once it is so, else None."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from worker.demo.cast import INES
from worker.demo.scene import Scene
from worker.demo.times import ZONE


def one_alert(scene: Scene) -> str | None:
    found = scene.follow_up(INES)
    if found is None or not scene.notices(found["id"], "alert"):
        return None
    away = found["stands_in_for"]
    reason = f": {scene.call(away)} is away" if away else ""
    return f"One alert about Ines Ferrer, to {scene.call(found['owner'])}{reason}."


def kudos(scene: Scene) -> str | None:
    found = scene.follow_up("maya-1")
    told = scene.notices(found["id"]) if found else []
    return f"{scene.call(told[0]['recipient'])} hears about the praise." if told else None


def silent_detractor(scene: Scene) -> str | None:
    found = scene.response("oskar-1")
    if found is None or not (found["verdict"].get("silent") or "silent-detractor" in found["observed"]):
        return None
    watched = " A rule watches this kind for now and changes nothing." if found["outcome"] == "ignore" else ""
    return f"Oskar Lind is a silent detractor: a happy score, unhappy words.{watched}"


def dead_letter(scene: Scene) -> str | None:
    found = scene.dead_letters()
    return f"A dead letter, with its reason: {found[0]['message']}" if found else None


def to_complaints(scene: Scene) -> str | None:
    found = scene.follow_up("farah-1")
    if found is None or not scene.notices(found["id"], "alert"):
        return None
    urgent = ", urgent" if found["priority"] == 4 else ""
    return f"Farah Aziz goes to {scene.call(found['owner'])}{urgent}."


def by_mail(scene: Scene) -> str | None:
    found = scene.follow_up("piet-1")
    told = scene.notices(found["id"], "alert") if found else []
    sent = scene.deliveries(told[0]["id"]) if told else []
    if len(sent) < 2 or sent[-1]["channel"] != "email" or sent[-1]["delivered_at"] is None:
        return None
    late = (sent[-1]["delivered_at"] - told[0]["created_at"]) // timedelta(minutes=1)
    return f"Slack refused it {sent[0]['attempts']} times, so Piet Jansen's alert came by mail, {late} min late."


def same_follow_up(scene: Scene) -> str | None:
    first, second = scene.follow_up("leo-1"), scene.follow_up("leo-2")
    if first is None or second is None or first["id"] != second["id"]:
        return None
    raised = ", raised" if second["priority"] > 2 else ""
    return f"Leo Brandt's second answer joins the same follow-up, F-{first['id']}{raised}."


def manager_hears(scene: Scene) -> str | None:
    found = scene.follow_up(INES)
    told = scene.notices(found["id"], "escalation") if found else []
    if found is None or not told:
        return None
    name = scene.call(told[0]["recipient"])
    return f"Nobody has acknowledged Ines Ferrer for 2 business hours: {name} hears. It stays with its owner."


def portuguese(scene: Scene) -> str | None:
    found = scene.response("joao-1")
    opened = scene.follow_up("joao-1")
    if found is None or opened is None:
        return None
    themes = ", ".join(found["verdict"].get("themes") or ()).replace("_", " ")
    read = f"read as {themes}" if found["verdict"].get("text_read") and themes else "not analysed"
    return f"João Pinto's Portuguese comment is {read}, and goes to {scene.call(opened['owner'])}."


def desk_closed(scene: Scene) -> str | None:
    desk = scene.desk()
    if desk.is_open(scene.now):
        return None
    opens = desk.next_opening(scene.now).astimezone(ZONE)
    return f"17:30, the desks close. Clocks that count business time stand until {opens:%a %H:%M}."


def totals_agree(scene: Scene, sent: int) -> str | None:
    """After a kill: is everything that was sent before it accounted for, and nobody told twice?"""
    account = scene.account()
    if account.read < sent:
        return None
    if account.problems:
        return f"The totals do not agree: {account.problems[0]}"
    seen = Counter(kept.delivery_id for kept in scene.messages.all() if kept.delivery_id)
    twice = sum(count - 1 for count in seen.values())
    return f"The totals agree: {account.line}. Messages that came twice: {twice}."


def why_no_call(scene: Scene) -> str | None:
    found = scene.follow_up("weber-1")
    if found is None or found["state"] != "closed":
        return None
    name = scene.call(found["closed_by"])
    return f"Why no call for Mr Weber? He asked not to be contacted; {name} fixed the bill."


def monday(scene: Scene) -> str | None:
    told = {"catch-up": scene.notices(kind="catch_up"), "huddle sheet": scene.notices(kind="huddle")}
    parts = [f"{len(rows)} {name}{'' if len(rows) == 1 else 's'}" for name, rows in told.items() if rows]
    return f"Monday morning: {' and '.join(parts)}." if parts else None
