"""What closing must say. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from msgspec import Struct

from worker.errors import UsageError
from worker.model.followup import ClosingOutcome
from worker.model.playbook import Playbook

AROSE = ("agent", "team", "process", "product", "policy", "supplier", "customer")
NOT_WORTH = ("wrong person", "slip of the score", "duplicate")


class CloseOut(Struct, frozen=True, kw_only=True):
    """`root_cause` is `billing` or `billing.amount`; `arose` one of AROSE; `worth` is `yes` or `no:REASON`."""

    outcome: str | None = None
    root_cause: str | None = None
    action: str | None = None
    arose: str | None = None
    worth: str | None = None


def check_close_out(close_out: CloseOut, playbook: Playbook, root_causes: Collection[str]) -> None:
    """Raises UsageError for what is missing or unknown, naming what there is. `root_causes` holds both levels."""
    for name in playbook.to_close:
        if not getattr(close_out, name, None):
            raise UsageError(f"Closing needs {name.replace('_', ' ')}: playbook {playbook.id} asks for it.")
    _one_of("outcome", close_out.outcome, [outcome.value for outcome in ClosingOutcome])
    if root_causes:
        _one_of("root cause", close_out.root_cause, root_causes)
    _one_of("where it arose", close_out.arose, AROSE)
    worth = close_out.worth or "yes"
    if worth != "yes" and not (worth.startswith("no:") and worth.removeprefix("no:").strip()):
        raise UsageError(f'worth alerting is "yes" or "no:REASON", such as "no:{NOT_WORTH[0]}"; got "{worth}".')


def _one_of(what: str, value: str | None, known: Collection[str]) -> None:
    if value is None or value in known:
        return
    near = difflib.get_close_matches(value, known, n=1)
    hint = f' Did you mean "{near[0]}"?' if near else ""
    raise UsageError(f'"{value}" is no {what}. Known: {", ".join(sorted(known))}.{hint}')
