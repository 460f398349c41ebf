"""One line in the thread of a follow-up's message for each thing that happened to it: who did what, and how.

What a notice to the same reader says already (a reminder, new words, a hand-over) gets no line.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from worker.model.notice import CUSTOMER, Kind, NewNotice
from worker.model.playbook import Priority
from worker.model.response import Json
from worker.notify.context import Context, Line
from worker.notify.page import Page
from worker.notify.view import Strip, View
from worker.notify.words import capital, clean_line, cut, label
from worker.store import notices
from worker.store.notices import LINE, Notice
from worker.store.threads import Thread

NEW_OWNER = frozenset({"reassigned", "not mine", "handed over"})  # shown to the whole channel
_SAID_BY_NOTICES = frozenset({"opened", "answered again", "answer edited", "reminded", "warned"})
_DOORS = {
    "cli": " by command", "slack": " from Slack", "link": " by link", "page": " on its page", "api": " through the API",
}  # fmt: skip
_BY_SOMEBODY = {
    "acknowledged": "{name} acknowledged this{door}.",
    "contacted": "{name} has reached the customer.",
    "tried, no answer": "{name} tried, no answer.",
    "closed": "{name} closed this{door}.",
    "cancelled": "{name} cancelled this{door}.",
    "reassigned": "{name} gave this to {to}. The clock goes on.",
    "not mine": "{name} passed this on to {to}. The clock goes on.",
    "snoozed": "{name} has put this off.",
    "reopened": "{name} opened this again.",
    "erased": "The customer was erased. Nothing is left to do.",
}  # fmt: skip
_BY_ITSELF = {
    "escalated": "{why}, so {to} has been told. {owner} keeps it.",
    "handed over": "This has gone to {to}. The clock goes on.",
    "snooze ended": "The clock goes on.",
    "cancelled": "Cancelled: the answer no longer asks for a follow-up.",
    "erased": "The customer was erased. Nothing is left to do.",
}
_MOST_NOTE = 200


def of_changes(conn: Connection, thread: Thread, told: Context, until: int, now: datetime) -> list[NewNotice]:
    """A notice for every line that a thread lacks, up to that version of its follow-up.

    `told` is the message that began the thread. Of private work nothing is said where a whole team reads.
    """
    if told.work is None or (told.work.playbook.private and told.notice.recipient.startswith("team:")):
        return []
    lacking = [one for one in told.history if thread.shown_version < one.version <= until]
    known = notices.told_at(conn, thread.follow_up_id, told.notice.recipient)
    return [
        _notice(thread, told.notice.recipient, str(one.version), {"line": one.version}, now)
        for one in lacking
        if one.what not in _SAID_BY_NOTICES and one.at not in known
    ]


def of_failure(thread: Thread, recipient: str, failed: Notice, reason: str, now: datetime) -> NewNotice:
    """A line that says whom a message about this follow-up did not reach."""
    data: dict[str, Json] = {"failed": failed.recipient, "reason": reason}
    return _notice(thread, recipient, f"failed/{failed.id}", data, now)


def line_of(notice: Notice, history: tuple[Line, ...]) -> Line | None:
    """The line of history that a notice tells in a thread."""
    return next((one for one in history if one.version == notice.data.get("line")), None)


def build(page: Page) -> View:
    """The view of one line."""
    text = _failed(page) if "failed" in page.context.notice.data else _happened(page)
    work = page.work
    return View(
        kind=Kind.UPDATE, say=page.say, subject=text, sender="innerloop", preheader=text, lead=cut(text, 110),
        title=text, in_thread=True, strips=(Strip("", text),), state=work.state.value if work else "open",
    )  # fmt: skip


def _notice(thread: Thread, recipient: str, which: str, data: dict[str, Json], now: datetime) -> NewNotice:
    return NewNotice(
        cause=f"follow-up/{thread.follow_up_id}{LINE}{which}", recipient=recipient, kind=Kind.UPDATE,
        priority=Priority.LOW, not_before=now, channels=(thread.channel,), follow_up_id=thread.follow_up_id,
        data={**data, "address": thread.address},
    )  # fmt: skip


def _failed(page: Page) -> str:
    data, say = page.context.notice.data, page.say
    failed, reason = str(data["failed"]), label(str(data.get("reason") or ""))
    name = say("the customer") if failed == CUSTOMER else page.first_name(failed)
    return say("A message about this did not reach {name}: {reason}.", name=name, reason=reason)


def _happened(page: Page) -> str:
    line, say = line_of(page.context.notice, page.context.history), page.say
    if line is None:
        return say("Something changed.")
    person = line.by in page.around.directory.people
    text = _BY_SOMEBODY.get(line.what) if person else _BY_ITSELF.get(line.what)
    if text is None:
        return f"{capital(say(line.what))}."
    owner = page.first_name(page.work.owner if page.work else None)
    said = say(
        text, name=page.first_name(line.by), to=page.first_name(line.to), why=_why(page, line),
        owner=owner, door=say(_DOORS[line.via]) if line.via in _DOORS else "",
    )  # fmt: skip
    note = clean_line(line.note or "") if person else ""
    return f"{said} {say.quote(cut(note, _MOST_NOTE))}" if note else said


def _why(page: Page, line: Line) -> str:
    """Not acknowledged: what the step waited for, which begins its note."""
    return capital(page.say(capital((line.note or "").partition(";")[0])))
