"""The rule set in use, as far as telling needs it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Protocol

from worker.model.response import Response
from worker.notify.render import Templates
from worker.route.schema import RuleSet


class People(Protocol):
    """Who is meant by `manager` and the like."""

    def resolver(self, response: Response, now: datetime) -> Callable[[str, str | None], str | None]:
        """(who as the rules write it, the follow-up's owner) -> a person's id, team:ID or None."""

    def above(
        self,
        to: str,
        response: Response,
        owner: str | None,
        now: datetime,
        *,
        shut_out: Collection[str | None],
        private: bool,
        until: datetime,
    ) -> str:
        """Whom a rung tells: whom it names, else who stands above them, at last the default owner."""


class Live(Protocol):
    """One revision's rules, directory and templates."""

    @property
    def rule_set(self) -> RuleSet: ...
    @property
    def templates(self) -> Templates: ...
    @property
    def people(self) -> People: ...
    @property
    def revision(self) -> str: ...
