"""A follow-up's life on a real store, by a clock that tests move: push an answer, move on, look who was told."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from tests.support.clock import MovableClock
from tests.support.flow import DIRECTORY, ROUTING, Flow, live_set
from tests.support.smtp_server import SmtpServer
from tests.support.telling import channels_of
from worker.followup.auditor import Auditor
from worker.followup.away import HandOver
from worker.followup.service import Service
from worker.followup.timers import Timers
from worker.notify.deliver import Deliverer
from worker.ruleset import with_absences
from worker.store.absences import Absent
from worker.store.engine import Store
from worker.store.notices import next_waiting_at
from worker.store.schema import follow_ups, history, notices

BERLIN = ZoneInfo("Europe/Berlin")

PLAYBOOKS = """
format: 1
playbooks:
  recover:
    name: Win the customer back
    owner: [agent, manager]
    due: 1 business day
    to_close: [root_cause, action, outcome]
    reopen_within: 14 days
    tries: {at_most: 3, every: 4 business hours}
    remind: {every: 4 business hours, until: acknowledged}
    escalate:
      - {after: 2 business hours, unless: acknowledged, to: manager}
      - {at: due, unless: contacted, to: team_lead, hand_over: true, priority: urgent}
  complaint: {name: Answer the complaint, owner: ["person:hana"], due: 2 business hours}
"""


def berlin(text: str) -> datetime:
    """`2026-11-20 16:30` on a wall clock in Berlin."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


class Timeline:
    """One flow, its timers and the moves of its people."""

    def __init__(
        self,
        store: Store,
        start: str,
        *,
        playbooks: str = PLAYBOOKS,
        directory: str = DIRECTORY,
        routing: str = ROUTING,
        mail: SmtpServer | None = None,
    ) -> None:
        """With `mail`, messages are really sent: see `deliver`."""
        self.clock = MovableClock(berlin(start))
        self.rules = {"routing.yaml": routing, "playbooks.yaml": playbooks, "directory.yaml": directory}
        self.flow = Flow(store, self.clock, live_set(self.rules))
        self.store = store
        channels = channels_of(mail.settings()) if mail else {}
        self.deliverer = Deliverer(store, channels, lambda: self.flow.live, self.clock, 2)
        self.service = Service(store, lambda: self.flow.live, self.clock)
        self.timers = Timers(store, lambda: self.flow.live, self.clock, lambda: None)
        self.hand_over = HandOver(store, lambda: self.flow.live, self.clock, lambda: None)
        self.auditor = Auditor(store, lambda: self.flow.live, self.clock)

    def answer(self, named: str = "r-1", score: int = 2, **fields: Any) -> int:
        """A customer answers now. Gives the id of the newest follow-up."""
        self.flow.feed(self.flow.event(named, score, minutes_ago=0, **fields))
        with self.store.read() as conn:
            return int(conn.execute(select(func.max(follow_ups.c.id))).scalar_one())

    def change(self, **files: str) -> None:
        """Another rule set is taken: `directory=...`, `playbooks=...`, `routing=...` replace those files."""
        self.rules |= {f"{name}.yaml": text for name, text in files.items()}
        self.flow.live = live_set(self.rules)

    def away(self, person: str, since: str, until: str, delegate: str | None = None) -> None:
        """Somebody is away, as if it had been entered by command."""
        absent = Absent(
            person=person, since=date.fromisoformat(since), until=date.fromisoformat(until), delegate=delegate
        )
        self.flow.live = with_absences(self.flow.live, (absent,))

    def answer_of(self, name: str, score: int = 2, **fields: Any) -> int:
        """Another customer answers now, about Ana's call."""
        named = name.lower().replace(" ", "-")
        return self.answer(f"r-{named}", score, customer={"id": f"c-{named}", "name": name}, **fields)

    def deliver(self) -> None:
        """Send what is to be sent now."""
        self.deliverer.run_until_idle(30)

    def deliver_until(self, when: str) -> None:
        """Let the time pass with a worker that does each step and sends each message when it is due."""
        end = berlin(when)
        self.deliver()
        while (due := min(filter(None, (self._next_step(), self._next_message())), default=end)) <= end:
            if due > self.clock.now():
                self.clock.advance(due - self.clock.now())
            self.timers.run()
            self.deliver()
            if self.clock.now() >= end:
                break
        self.clock.set(end)

    def _next_message(self) -> datetime | None:
        with self.store.read() as conn:
            return next_waiting_at(conn)

    def ends(self, kind: str) -> list[tuple[str, str | None]]:
        """How the notices of a kind ended: state and reason, in the order they were written."""
        with self.store.read() as conn:
            query = select(notices.c.state, notices.c.reason).where(notices.c.kind == kind).order_by(notices.c.id)
            return [(row.state, row.reason) for row in conn.execute(query)]

    def until(self, when: str) -> list[str]:
        """Let the time pass with a worker that does each step when it is due. Gives who was told what."""
        before, end = len(self._told()), berlin(when)
        while (due := self._next_step()) is not None and due <= end:
            self.clock.advance(due - self.clock.now())
            self.timers.run()
        self.clock.advance(end - self.clock.now())
        return self._told()[before:]

    def _next_step(self) -> datetime | None:
        with self.store.read() as conn:
            found: datetime | None = conn.execute(select(func.min(follow_ups.c.next_step_at))).scalar()
        return found

    def down_until(self, when: str) -> list[str]:
        """The worker is down until then, and then does what is due."""
        before = len(self._told())
        self.clock.set(berlin(when))
        while self.timers.run():
            pass
        return self._told()[before:]

    def _told(self) -> list[str]:
        with self.store.read() as conn:
            rows = conn.execute(select(notices).order_by(notices.c.id)).all()
        return [f"{row.not_before.astimezone(BERLIN):%a %H:%M} {row.kind} to {row.recipient}" for row in rows]

    @property
    def told(self) -> list[str]:
        """Everything anybody was told, in order."""
        return self._told()

    def row(self, follow_up_id: int) -> Any:
        with self.store.read() as conn:
            return conn.execute(select(follow_ups).where(follow_ups.c.id == follow_up_id)).one()

    def history(self, follow_up_id: int) -> list[str]:
        with self.store.read() as conn:
            query = select(history.c.what).where(history.c.follow_up_id == follow_up_id).order_by(history.c.version)
            return [str(row[0]) for row in conn.execute(query)]

    def notes(self, follow_up_id: int) -> list[str | None]:
        with self.store.read() as conn:
            query = select(history.c.note).where(history.c.follow_up_id == follow_up_id).order_by(history.c.version)
            return list(conn.execute(query).scalars())
