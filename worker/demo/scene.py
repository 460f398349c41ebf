"""What the story may ask about: the store, the people, and the messages that came out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from worker.calendars import Calendar
from worker.demo.board import Account
from worker.demo.sandbox.messages import Messages
from worker.demo.stream import SOURCE
from worker.model.directory import Directory
from worker.store import schema

Row = RowMapping | dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scene:
    """One look at the demo. Rows are the store's own; a row that is not there yet is None."""

    conn: Connection
    now: datetime
    directory: Directory
    messages: Messages
    account: Callable[[], Account]

    def response(self, ident: str) -> RowMapping | None:
        """A response with its newest decision."""
        r, d = schema.responses, schema.decisions
        query = (
            select(r.c.verdict, d.c.rule, d.c.outcome, d.c.reason, d.c.owner, d.c.observed, r.c.id)
            .join(d, d.c.response_id == r.c.id)
            .where(r.c.source == SOURCE, r.c.external_id == ident)
            .order_by(d.c.version.desc())
        )
        return self.conn.execute(query).mappings().first()

    def follow_up(self, ident: str) -> RowMapping | None:
        """The follow-up that a response opened or joined."""
        f, link, r = schema.follow_ups, schema.follow_up_responses, schema.responses
        query = (
            select(f, link.c.how)
            .join(link, link.c.follow_up_id == f.c.id)
            .join(r, r.c.id == link.c.response_id)
            .where(r.c.source == SOURCE, r.c.external_id == ident)
        )
        return self.conn.execute(query).mappings().first()

    def notices(self, follow_up: int | None = None, kind: str | None = None) -> list[RowMapping]:
        """Delivered notices, oldest first."""
        n = schema.notices
        query = select(n).where(n.c.state == "delivered").order_by(n.c.id)
        if follow_up is not None:
            query = query.where(n.c.follow_up_id == follow_up)
        if kind is not None:
            query = query.where(n.c.kind == kind)
        return list(self.conn.execute(query).mappings())

    def deliveries(self, notice: int) -> list[RowMapping]:
        d = schema.deliveries
        return list(self.conn.execute(select(d).where(d.c.notice_id == notice).order_by(d.c.position)).mappings())

    def dead_letters(self) -> list[RowMapping]:
        return list(self.conn.execute(select(schema.dead_letters).order_by(schema.dead_letters.c.id)).mappings())

    def call(self, owner: str | None) -> str:
        """A first name, or a team's name."""
        if owner is None:
            return "nobody yet"
        if owner.startswith("team:"):
            team = self.directory.teams.get(owner.removeprefix("team:"))
            return team.name if team else owner
        person = self.directory.people.get(owner)
        return person.name.split()[0] if person else owner

    def desk(self) -> Calendar:
        """The hours that most deadlines count."""
        name = self.directory.default_calendar
        assert name is not None
        return Calendar.of(self.directory.calendars[name])
