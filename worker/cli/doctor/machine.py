"""Keys, addresses of our own, and how ops are told."""

from __future__ import annotations

from collections.abc import Iterator

from worker.cli import output
from worker.cli.doctor.check import Check, ok, warning
from worker.settings import Settings, unknown_variables


def machine_checks(settings: Settings) -> Iterator[Check]:
    yield _keys(settings)
    yield _ops(settings)
    yield _heartbeat(settings)
    names = unknown_variables()
    if names:
        yield warning(
            "settings", f"{', '.join(names)}: no such setting.", "A misspelt setting has no effect.",
            "`innerloop settings` lists them all.",
        )  # fmt: skip


def _keys(settings: Settings) -> Check:
    if settings.secret_keys:
        return ok(
            "keys", f"{output.counted(len(settings.secret_keys), 'secret key')}; the first one seals dead letters."
        )
    return warning(
        "keys", "INNERLOOP_SECRET_KEYS is not set.",
        "Dead letters are not kept for replay, and hashes of addresses can be guessed by whoever reads the store.",
        "Set it: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
    )  # fmt: skip


def _ops(settings: Settings) -> Check:
    kinds = {entry.partition(":")[0] for entry in settings.ops_channels}
    if len(kinds) >= 2:
        return ok("ops", f"Ops are told by {' and '.join(sorted(kinds))}.")
    told = f"only by {kinds.pop()}" if kinds else "by nothing but the log"
    return warning(
        "ops", f"Ops are told {told}.", "When that channel is down, nobody hears of it.",
        "Set INNERLOOP_OPS_CHANNELS to two kinds: slack:#cx-ops,email:ops@example.com",
    )  # fmt: skip


def _heartbeat(settings: Settings) -> Check:
    if settings.heartbeat_url:
        return ok("heartbeat", "A watcher outside is told once a minute that everything works.")
    return warning(
        "heartbeat", "INNERLOOP_HEARTBEAT_URL is not set.",
        "When all of this is down, with what watches it, nobody is called.",
        "Set it to the address that a watcher outside gives you, or let one expect the alert InnerloopHeartbeat.",
    )  # fmt: skip
