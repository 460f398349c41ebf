"""The store: does it answer, is its schema right, is it where it should be, does its clock agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from worker.cli.doctor.check import Check, State, error, ok, warning
from worker.clock import Clock
from worker.errors import ConfigError, SchemaMismatch, StoreUnavailable
from worker.schedule.heartbeat import NEEDED
from worker.settings import Settings
from worker.store.dead_letters import Seal, unopened
from worker.store.engine import Store, open_store
from worker.store.migrate import check_schema, head
from worker.store.workers import roles_at_work

_LOOKED_AT = 100  # of the newest sealed records: a key is dropped for all of them at once
_DRIFT = timedelta(seconds=2)  # leases last 30 s
_NETWORK_FILES = frozenset({"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p"})


def store_checks(settings: Settings, clock: Clock) -> Iterator[Check]:
    try:
        store = open_store(settings.store_url.get_secret_value())
    except ConfigError as wrong:
        yield error("store", str(wrong), "Nothing can be kept.", "Set INNERLOOP_STORE_URL.")
        return
    try:
        yield from _answers(store, clock, [key.get_secret_value() for key in settings.secret_keys])
    finally:
        store.close()


def _answers(store: Store, clock: Clock, keys: Sequence[str]) -> Iterator[Check]:
    if store.dialect == "sqlite" and not Path(store.url.database or "").exists():
        # Opening it would create it, and a doctor changes nothing.
        yield _empty(f"{store.url.database} is not there yet.")
        return
    try:
        store.ping()
    except StoreUnavailable as down:
        yield error("store", str(down), "The worker waits, and nobody is told anything.", "Start it, or mend its URL.")
        return
    yield ok("store", f"{store.dialect} answers.")
    schema = _schema(store)
    yield schema
    if schema.state is State.OK:
        yield _workers(store, clock)
        yield from _sealed(store, Seal(keys) if keys else None)
    yield _settings_of(store)
    yield _drift(store, clock)


def _empty(what: str) -> Check:
    return error("schema", what, "`run` refuses to start on it.", "Run: innerloop migrate")


def _schema(store: Store) -> Check:
    try:
        check_schema(store)
    except SchemaMismatch as mismatch:
        return error("schema", str(mismatch), "`run` refuses to start on it.", "Run: innerloop migrate")
    return ok("schema", f"The tables are at {head()}, as this version needs them.")


def _workers(store: Store, clock: Clock) -> Check:
    """Nobody at work is what one finds before the first start, so it is no mistake."""
    with store.read() as conn:
        there = roles_at_work(conn, clock.now())
    if not there:
        return ok("workers", "No worker was ready in the last minute.")
    said = ", ".join(f"{role} {there[role]}" for role in NEEDED if role in there)
    missing = [role for role in NEEDED if role not in there]
    if missing:
        return warning(
            "workers", f"Ready in the last minute: {said or ', '.join(there)}; none with {' or '.join(missing)}.",
            "A part of the way stands still.", f"Start: innerloop run --only {','.join(missing)}",
        )  # fmt: skip
    return ok("workers", f"Ready in the last minute: {said}.")


def _sealed(store: Store, seal: Seal | None) -> Iterator[Check]:
    """A key that was dropped too early is noticed before somebody wants to replay."""
    with store.read() as conn:
        lost = unopened(conn, seal, _LOOKED_AT)
    if lost:
        yield error(
            "sealed", f"{lost} dead letter(s) are sealed with a key that is not in INNERLOOP_SECRET_KEYS.",
            "They can be replayed only as long as Kafka still has the records.", "Put the old key behind the new one.",
        )  # fmt: skip


def _settings_of(store: Store) -> Check:
    return _durable_sqlite(store) if store.dialect == "sqlite" else _durable_postgresql(store)


def _durable_sqlite(store: Store) -> Check:
    kind = _file_system(Path(store.url.database or "").resolve())
    if kind in _NETWORK_FILES:
        return error(
            "durability", f"The SQLite file lies on {kind}.", "Its locks do not work there: rows are lost.",
            "Move it to a local disk, or use PostgreSQL.",
        )  # fmt: skip
    return ok("durability", "The file is on a local disk, written through at every commit. One host only.")


def _durable_postgresql(store: Store) -> Check:
    with store.read() as conn:
        mode = conn.execute(text("SHOW synchronous_commit")).scalar_one()
        standby = conn.execute(text("SELECT pg_is_in_recovery()")).scalar_one()
    if standby:
        return error("durability", "This server is a standby.", "It cannot be written to.", "Name the primary.")
    if mode == "off":
        return warning(
            "durability", "synchronous_commit is off.", "A crash of the server forgets what was promised.",
            "Turn it on, at least for innerloop's role.",
        )  # fmt: skip
    return ok("durability", f"synchronous_commit is {mode}.")


def _drift(store: Store, clock: Clock) -> Check:
    before = clock.now()
    with store.read() as conn:
        theirs = store.now(conn)
    apart = drift(before, theirs, clock.now())
    if apart > _DRIFT:
        return warning(
            "clock", f"This machine and the store are {apart.total_seconds():.0f} s apart.",
            "Due times and leases are judged by different clocks.", "Let both follow a time server (NTP).",
        )  # fmt: skip
    return ok("clock", "This machine and the store agree on the time.")


def drift(before: datetime, theirs: datetime, after: datetime) -> timedelta:
    """How far `theirs` lies outside of [before, after]."""
    return max(before - theirs, theirs - after, timedelta())


def _file_system(path: Path) -> str:
    """The type of the file system that holds `path`; empty where the system does not say (only Linux does)."""
    best, kind = "", ""
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        place, name = [*line.split(" "), "", "", ""][1:3]
        if len(place) > len(best) and path.is_relative_to(place):
            best, kind = place, name
    return kind
