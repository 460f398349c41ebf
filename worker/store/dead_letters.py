"""Dead letters: records nobody could use, kept with a reason, a redacted excerpt and the sealed original."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import Struct, msgpack
from sqlalchemy import Connection, select, update

from worker.store import bulk
from worker.store.ids import allocate
from worker.store.schema import dead_letters

KEEP = timedelta(days=30)


class Sealed(Struct, frozen=True, kw_only=True):
    """A record as it came: what a replay needs to read it again as the same."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp: datetime | None


class NewDeadLetter(Struct, frozen=True, kw_only=True):
    topic: str
    partition: int
    incarnation: str
    offset: int
    source: str | None
    stage: str
    reason: str
    message: str
    excerpt: str | None
    sealed: bytes | None


class Seal:
    """Encrypts raw records with the newest of the secret keys, and opens them with any of them."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._fernet = MultiFernet([Fernet(_fernet_key(key)) for key in keys])

    def close(self, record: Sealed) -> bytes:
        return self._fernet.encrypt(msgpack.encode(record))

    def open(self, sealed: bytes) -> Sealed | None:
        """None where none of today's keys fits."""
        try:
            return msgpack.decode(self._fernet.decrypt(sealed), type=Sealed)
        except InvalidToken:
            return None


def _fernet_key(secret: str) -> bytes:
    """32 bytes derived from a secret of any length (HKDF-SHA256, RFC 5869), as Fernet wants them."""
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"innerloop dead letters").derive(secret.encode())
    return base64.urlsafe_b64encode(derived)


def add(conn: Connection, new: list[NewDeadLetter], now: datetime) -> None:
    """Write them; a record that is there already (read again by another chain) stays as it is."""
    ids = allocate(conn, "dead_letters", len(new))
    rows = [
        (
            id_, one.topic, one.partition, one.incarnation, one.offset, one.source, one.stage, one.reason,
            one.message, one.excerpt, one.sealed, now, "open", None, now + KEEP,
        )
        for id_, one in zip(ids, new, strict=True)
    ]  # fmt: skip
    bulk.insert(conn, dead_letters, rows, skip_conflicts=True)


def lock_open(conn: Connection, id_: int) -> bool:
    """Lock it; whether it is still open. Two who replay the same one at once shall not both do it."""
    query = select(dead_letters.c.state).where(dead_letters.c.id == id_).with_for_update()
    return conn.execute(query).scalar() == "open"


def find_open(
    conn: Connection,
    *,
    reason: str | None = None,
    source: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[int]:
    """Ids of open ones, oldest first; `since` and `until` bound when they were written, the end not included."""
    c = dead_letters.c
    query = select(c.id).where(c.state == "open").order_by(c.id)
    query = query.where(c.reason == reason) if reason else query
    query = query.where(c.source == source) if source else query
    query = query.where(c.at >= since) if since else query
    query = query.where(c.at < until) if until else query
    return list(conn.execute(query).scalars())


def replayed(conn: Connection, id_: int, response_id: int | None) -> None:
    """Its record was read at last."""
    conn.execute(update(dead_letters).where(dead_letters.c.id == id_).values(state="replayed", response_id=response_id))


def failed_again(conn: Connection, id_: int, reason: str, message: str) -> None:
    """Its record still cannot be used: say what is wrong with it today."""
    conn.execute(update(dead_letters).where(dead_letters.c.id == id_).values(reason=reason, message=message))


def to_purge(conn: Connection, now: datetime, limit: int | None) -> list[int]:
    """Those whose time is over and whose raw record or excerpt is still there."""
    c = dead_letters.c
    held = c.sealed.is_not(None) | c.excerpt.is_not(None)
    return list(conn.execute(select(c.id).where(c.purge_at <= now, held).order_by(c.id).limit(limit)).scalars())


def purge(conn: Connection, ids: Sequence[int]) -> None:
    """Forget their raw records and excerpts; that they were there, and why, stays."""
    conn.execute(update(dead_letters).where(dead_letters.c.id.in_(ids)).values(sealed=None, excerpt=None))


def unopened(conn: Connection, seal: Seal | None, limit: int) -> int:
    """How many of the newest sealed ones that wait for a replay no key of today opens."""
    c = dead_letters.c
    query = select(c.sealed).where(c.state == "open", c.sealed.is_not(None)).order_by(c.id.desc()).limit(limit)
    return sum(seal is None or seal.open(sealed) is None for sealed in conn.execute(query).scalars())
