"""What tests of telling stand on: a small rule set, a store with follow-ups in it, and senders over real servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from tests.support.clock import FRIDAY, MovableClock
from tests.support.rows import Rows
from worker.clock import Clock
from worker.model.notice import Kind, NewNotice
from worker.model.playbook import Playbook, Priority
from worker.notify.channel import Channel
from worker.notify.channels import build
from worker.notify.deliver import Deliverer
from worker.ruleset import LiveSet, compose
from worker.settings import load as load_settings
from worker.store import notices, schema
from worker.store.engine import Store, open_store
from worker.store.migrate import migrate

ROOT = Path(__file__).resolve().parents[2]

ROUTING = """
format: 1
timezone: Europe/Berlin
rules:
  - id: gold-billing
    name: Gold and platinum detractors unhappy about billing
    when: {response.class: detractor, customer.tier: [gold, platinum]}
    then: {open: recover, priority: high, due: 4 business hours}
  - id: any-detractor
    name: Every other detractor goes to the agent
    when: {response.class: detractor}
    then: {open: recover}
  - id: everything-else
    name: No follow-up needed
    when: always
    then: {ignore: not a detractor}
"""
PLAYBOOKS = """
format: 1
playbooks:
  recover:
    name: Win the customer back
    first_step: Call within the due time; listen first, then say what you will do and by when.
    owner: [agent, manager]
    due: 1 business day
    escalate:
      - {after: 2 business hours, unless: acknowledged, to: manager}
      - {at: due, unless: contacted, to: team_lead, priority: urgent}
"""
DIRECTORY = """
format: 1
default_owner: "person:bo"
default_calendar: berlin
calendars:
  berlin: {timezone: Europe/Berlin, hours: {mon-fri: ["09:00-12:30", "13:00-17:30"]}}
units:
  berlin: {name: Berlin, manager: bo}
teams:
  billing-emea:
    {name: billing-emea, lead: cyd, calendar: berlin, queue: {slack: "#billing-alerts", email: billing@example.com}}
people:
  ana:
    {name: Ana Keller, email: ana@example.com, slack: U01ANA, known_as: [a-417], team: billing-emea, manager: bo}
  bo: {name: Bo Lindqvist, email: bo@example.com, slack: U02BO, team: billing-emea, manager: cyd}
  cyd: {name: Cyd Moreau, email: cyd@example.com, slack: U03CYD, team: billing-emea}
  dora: {name: Dora Braun, email: dora@example.com, slack: U04DORA, team: billing-emea, language: de}
  eve: {name: Eve Post, email: eve@example.com, team: billing-emea}
"""
RULES = {"rules/routing.yaml": ROUTING, "rules/playbooks.yaml": PLAYBOOKS, "rules/directory.yaml": DIRECTORY}
INES: Mapping[str, Any] = {
    "comment": "Third call about the same invoice. Nobody has called me back, and the reminder fee is still on it.",
    "customer": {
        "id": "c-77", "key": "crm/c-77", "name": "Ines Ferrer", "tier": "gold", "country": "DE", "may_contact": True,
    },
    "interaction": {
        "channel": "phone", "agent": "a-417", "team": "billing-emea", "unit": "berlin",
        "ended_at": "2026-11-20T15:20:00Z",
    },
}  # fmt: skip


def live_set(templates: Mapping[str, bytes] | None = None) -> LiveSet:
    """The rule set of these tests with the shipped templates; `templates` replaces some, by path."""
    files = {name: text.encode() for name, text in RULES.items()}
    for path in sorted((ROOT / "templates").glob("*/*.j2")):
        files[f"templates/{path.relative_to(ROOT / 'templates').as_posix()}"] = path.read_bytes()
    files |= {f"templates/{name}": content for name, content in (templates or {}).items()}
    verdict = compose(files, reachable=lambda who: True, hash_key=b"k")
    assert verdict.live, [finding.text for finding in verdict.findings]
    return verdict.live


@dataclass
class Telling:
    """A store, a clock and senders; `follow_up` and `tell` write what there is to tell."""

    store: Store
    clock: MovableClock
    live: LiveSet
    settings: Mapping[str, str] = field(default_factory=dict)
    ops: tuple[str, ...] = ()
    channels: Mapping[str, Channel] = field(default_factory=dict)
    rows: Rows = field(init=False)

    def __post_init__(self) -> None:
        self.rows = Rows(self.store, self.clock.now())
        if self.settings and not self.channels:
            self.channels = channels_of(self.settings)

    def deliverer(self, clock: Clock | None = None, senders: int = 4) -> Deliverer:
        return Deliverer(
            self.store, self.channels, lambda: self.live, clock or self.clock, senders, ops=self.ops, jitter=lambda: 0.5
        )

    def run(self, senders: int = 4) -> None:
        """Deliver what is due now."""
        self.deliverer(senders=senders).run_until_idle(30)

    def follow_up(self, number: int = 42, *, content: Mapping[str, Any] = INES, score: int = 2, **values: Any) -> int:
        """A follow-up with its answer, owned by Ana, due on Monday at noon."""
        contact = values.pop("contact", {"phone": "+49 30 5550 142"})
        self.rows.response(number, score=score, content={"responded_at": _text(self.clock.now()), **content})
        with self.store.write() as conn:
            conn.execute(schema.responses.update().where(schema.responses.c.id == number).values(contact=contact))
        plan = values.pop("plan", self.playbook())
        defaults = {
            "plan": plan, "priority": 3, "rule": "gold-billing", "owner": "ana", "owner_via": "agent",
            "due_span": "4 business hours", "due_calendar": "berlin", "due_at": FRIDAY + timedelta(hours=68),
            "timer": False, "revision": self.live.revision,
        }  # fmt: skip
        self.rows.follow_up(number, response=number, **{**defaults, **values})
        return number

    def playbook(self, **changes: Any) -> dict[str, Any]:
        """The frozen playbook, as a document."""
        found = self.live.rule_set.playbooks["recover"]
        document = {name: getattr(found, name) for name in Playbook.__struct_fields__}
        return document | changes

    def tell(self, follow_up: int | None = 42, *, to: str = "ana", kind: Kind = Kind.ALERT, **values: Any) -> int:
        """Write a notice; returns its id."""
        with self.store.write() as conn:
            new = self.new(follow_up, to=to, kind=kind, **values)
            return notices.add(conn, [new], self.clock.now())[0]

    def new(self, follow_up: int | None = 42, *, to: str = "ana", kind: Kind = Kind.ALERT, **values: Any) -> NewNotice:
        """A notice to be written."""
        defaults: dict[str, Any] = {
            "cause": f"follow-up/{follow_up}/1/{kind.value}", "recipient": to, "kind": kind, "priority": Priority.HIGH,
            "not_before": self.clock.now(), "follow_up_id": follow_up, "response_id": follow_up,
        }  # fmt: skip
        return NewNotice(**{**defaults, **values})

    def notice(self, number: int) -> Any:
        with self.store.read() as conn:
            return conn.execute(select(schema.notices).where(schema.notices.c.id == number)).one()

    def deliveries(self, notice: int) -> list[Any]:
        table = schema.deliveries
        with self.store.read() as conn:
            statement = select(table).where(table.c.notice_id == notice).order_by(table.c.position)
            return list(conn.execute(statement))

    def all_notices(self, kind: Kind) -> list[Any]:
        table = schema.notices
        with self.store.read() as conn:
            return list(conn.execute(select(table).where(table.c.kind == kind.value).order_by(table.c.id)))


def channels_of(env: Mapping[str, str]) -> dict[str, Channel]:
    """Channels from settings, as the environment would give them."""
    return build(load_settings({"INNERLOOP_EMAIL_FROM": "innerloop <innerloop@example.com>", **env}))


@contextmanager
def telling_store(path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{path / 'telling.db'}")
    migrate(store)
    try:
        yield store
    finally:
        store.close()


Make = Callable[..., Telling]


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
