"""What closing must say. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

from msgspec import Struct

from worker.errors import UsageError
from worker.model.followup import ClosingOutcome
from worker.model.playbook import Playbook
from worker.route.schema import RootCause

AROSE = ("agent", "team", "process", "product", "policy", "supplier", "customer")
NOT_WORTH = ("wrong person", "slip of the score", "duplicate")
_MOST_OFFERED = 8


class CloseOut(Struct, frozen=True, kw_only=True):
    """`root_cause` is `billing` or `billing.amount`; `arose` one of AROSE; `worth` is `yes` or `no:REASON`.

    `tell_customer` is what the customer shall read about it, in the words of whoever closes.
    """

    outcome: str | None = None
    root_cause: str | None = None
    action: str | None = None
    arose: str | None = None
    worth: str | None = None
    tell_customer: str | None = None


def check_close_out(
    close_out: CloseOut,
    playbook: Playbook,
    root_causes: Mapping[str, RootCause],
    themes: Collection[str] = (),
    note: str | None = None,
) -> None:
    """Raises UsageError for what is missing or unknown, naming what there is. `root_causes` holds both levels.

    `themes` are what the answers are about: root causes that fit them are named first.
    """
    for name in playbook.to_close:
        if not (note if name == "note" else getattr(close_out, name, None)):
            offered = _offered(root_causes, themes) if name == "root_cause" else ""
            raise UsageError(f"Closing needs {name.replace('_', ' ')}: playbook {playbook.id} asks for it.{offered}")
    _one_of("outcome", close_out.outcome, [outcome.value for outcome in ClosingOutcome])
    if root_causes:
        _one_of("root cause", close_out.root_cause, [cause.id for cause in choices(root_causes, themes)])
    _one_of("where it arose", close_out.arose, AROSE)
    _says_why(close_out, root_causes, note)


def choices(root_causes: Mapping[str, RootCause], themes: Collection[str]) -> tuple[RootCause, ...]:
    """Root causes as they are offered: first what the customer's words suggest, then by the alphabet."""
    return tuple(sorted(root_causes.values(), key=lambda cause: (not _fits(cause, themes), cause.id)))


def suggested(root_causes: Mapping[str, RootCause], themes: Collection[str]) -> tuple[RootCause, ...]:
    """Those that come first: about what the customer wrote about."""
    return tuple(cause for cause in choices(root_causes, themes) if _fits(cause, themes))


def _fits(cause: RootCause, themes: Collection[str]) -> bool:
    """`billing` suggests billing and all under it; `refund` suggests billing.refund."""
    return any(word in themes for word in (cause.id, *cause.id.split(".")))


def _offered(root_causes: Mapping[str, RootCause], themes: Collection[str]) -> str:
    found = suggested(root_causes, themes) or tuple(
        cause for cause in choices(root_causes, themes) if cause.parent is None
    )
    return f" Such as: {', '.join(cause.id for cause in found[:_MOST_OFFERED])}." if found else ""


def _says_why(close_out: CloseOut, root_causes: Mapping[str, RootCause], note: str | None) -> None:
    cause = root_causes.get(close_out.root_cause or "")
    if cause is not None and cause.needs_note and not note:
        raise UsageError(f"Root cause {cause.id} needs a note that says in a few words what it was.")
    if close_out.outcome == ClosingOutcome.NO_CONTACT and not (note or close_out.action):
        raise UsageError("Closing without contact needs its reason: a note, or the action.")
    worth = close_out.worth or "yes"
    if worth != "yes" and not (worth.startswith("no:") and worth.removeprefix("no:").strip()):
        raise UsageError(f'worth alerting is "yes" or "no:REASON", such as "no:{NOT_WORTH[0]}"; got "{worth}".')


def _one_of(what: str, value: str | None, known: Collection[str]) -> None:
    if value is None or value in known:
        return
    near = difflib.get_close_matches(value, known, n=1)
    hint = f' Did you mean "{near[0]}"?' if near else ""
    raise UsageError(f'"{value}" is no {what}. Known: {", ".join(known)}.{hint}')
