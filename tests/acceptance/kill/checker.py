"""Counts what is there: raw SQL, Kafka through another client, the messages that providers took."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.acceptance.kill.story import DESTROYED, MOVED, Expected

_OUTCOMES = ("accepted", "updated", "duplicate", "stale", "not_response", "dead", "absent")


class Database:
    """SELECTs against the store, past every layer of the program."""

    def __init__(self, url: str) -> None:
        self._url = url

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self._connection() as connection:
            return [tuple(row) for row in connection.execute(query).fetchall()]

    def one(self, query: str) -> Any:
        return self.rows(query)[0][0]

    def texts(self) -> Iterator[tuple[str, str]]:
        """Everything that is stored: a name and all its values for each column of each table."""
        for table in [row[0] for row in self.rows(self._tables())]:
            with self._connection() as connection:
                cursor = connection.execute(f'SELECT * FROM "{table}"')
                names = [column[0] for column in cursor.description]
                rows = cursor.fetchall()
            for n, name in enumerate(names):
                yield f"{table}.{name}", "\n".join(str(row[n]) for row in rows)

    def _tables(self) -> str:
        if self._url.startswith("sqlite:///"):
            return "SELECT name FROM sqlite_master WHERE type = 'table'"
        return "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Any]:
        if self._url.startswith("sqlite:///"):
            with contextlib.closing(sqlite3.connect(self._url.removeprefix("sqlite:///"), timeout=10)) as connection:
                yield connection
        else:
            with psycopg.connect(self._url, connect_timeout=10, autocommit=True) as connection:
                yield connection


@dataclass(frozen=True, slots=True)
class Sent:
    """What the providers took: delivery id of each message, in order of arrival."""

    slack: Sequence[str]
    mail: Sequence[str]
    most_extra_slack: int
    most_extra_mails: int


def check(database: Database, expected: Expected, ends: Mapping[tuple[str, int], int], sent: Sent) -> list[str]:
    """One sentence for each thing that is wrong. `ends`: end offset by (topic, partition)."""
    return [
        *_offsets(database, ends),
        *_ledger(database, expected),
        *_responses(database, expected),
        *_dead_letters(database, expected),
        *_follow_ups(database, expected),
        *_timers(database),
        *_notices(database),
        *_messages(database, sent),
    ]


def spilled(database: Database, logs: str, messages: str) -> list[str]:
    """Where something turned up that customers wrote and nobody may see: one sentence for each place."""
    places = {"the logs": logs, "messages": messages, **dict(database.texts())}
    found = [f"{secret} stands in {place}" for place, text in places.items() for secret in DESTROYED if secret in text]
    allowed = ("messages", "responses.contact")
    found += [f"{MOVED} stands in {place}" for place, text in places.items() if MOVED in text and place not in allowed]
    return found


def read_to_the_end(database: Database, ends: Mapping[tuple[str, int], int]) -> bool:
    """Every record is accounted for in the store."""
    heads = {(topic, partition): at for topic, partition, at in _heads(database)}
    return all(heads.get(at, 0) >= end for at, end in ends.items())


def settled(database: Database) -> bool:
    """Nothing waits for its other half, nothing waits to be told."""
    waiting = database.one("SELECT count(*) FROM responses WHERE status = 'waiting'")
    untold = database.one("SELECT count(*) FROM notices WHERE state = 'pending'")
    return not waiting and not untold


def unfinished(database: Database) -> str:
    """What `settled` waits for, for the message when it waits in vain."""
    queries = (
        "SELECT status, count(*) FROM responses GROUP BY status",
        "SELECT kind, state, reason, count(*) FROM notices GROUP BY kind, state, reason",
        "SELECT channel, state, reason, attempts, count(*) FROM deliveries GROUP BY channel, state, reason, attempts",
        "SELECT outcome, reason, count(*) FROM attempts GROUP BY outcome, reason",
        "SELECT channel, address, open_until, reason FROM channels WHERE open_until IS NOT NULL",
    )
    return "\n".join(f"{query}: {database.rows(query)}" for query in queries)


def _heads(database: Database) -> list[tuple[Any, ...]]:
    return database.rows("SELECT topic, partition, next_offset FROM partitions")


def _offsets(database: Database, ends: Mapping[tuple[str, int], int]) -> Iterator[str]:
    heads = {(topic, partition): at for topic, partition, at in _heads(database)}
    for (topic, partition), end in ends.items():
        if heads.get((topic, partition), 0) != end:
            yield f"{topic}[{partition}] ends at {end}, the ledger's head is {heads.get((topic, partition))}"
    chain: dict[tuple[str, int], int] = {}
    rows = database.rows("SELECT topic, partition, from_offset, to_offset FROM ledger ORDER BY 1, 2, 3, 4")
    for topic, partition, start, end in rows:
        if start != chain.get((topic, partition), 0):
            yield f"{topic}[{partition}]: the ledger goes on at {start} after {chain.get((topic, partition), 0)}"
        chain[topic, partition] = end


def _ledger(database: Database, expected: Expected) -> Iterator[str]:
    sums = ", ".join(f"COALESCE(SUM({name}), 0)" for name in _OUTCOMES)
    [found] = database.rows(f"SELECT {sums} FROM ledger")
    for name, n in zip(_OUTCOMES, found, strict=True):
        if int(n) != expected.outcomes[name]:
            yield f"the ledger counts {n} {name}, {expected.outcomes[name]} were written"
    if gaps := database.one("SELECT count(*) FROM ledger WHERE gap_reason IS NOT NULL"):
        yield f"{gaps} gaps, although nothing was taken away"


def _responses(database: Database, expected: Expected) -> Iterator[str]:
    query = (
        "SELECT external_id, count(*), max(responses.version) FROM responses "
        "JOIN versions ON versions.response_id = responses.id GROUP BY responses.id, external_id"
    )
    found = {external: (versions, newest) for external, versions, newest in database.rows(query)}
    yield from _difference("responses", set(found), set(expected.versions))
    for external, n in expected.versions.items():
        if external in found and found[external] != (n, n):
            yield f"{external} has {found[external][0]} versions and is at {found[external][1]}; {n} were written"


def _dead_letters(database: Database, expected: Expected) -> Iterator[str]:
    found = Counter(dict(database.rows("SELECT reason, count(*) FROM dead_letters GROUP BY reason")))
    if found != expected.dead:
        yield f"dead letters {dict(found)}, {dict(expected.dead)} were written"
    states = dict(database.rows("SELECT state, count(*) FROM dead_letters GROUP BY state"))
    if states.get("replayed", 0) != len(expected.replayable):
        yield f"dead letters are {states}; {len(expected.replayable)} were replayed"


def _follow_ups(database: Database, expected: Expected) -> Iterator[str]:
    opened = [
        row[0]
        for row in database.rows(
            "SELECT external_id FROM follow_ups JOIN responses ON responses.id = follow_ups.response_id"
        )
    ]
    yield from _doubles("follow-ups opened by", opened)
    yield from _difference("openers", set(opened), expected.opened)
    query = (
        "SELECT later.external_id, first.external_id FROM follow_up_responses "
        "JOIN follow_ups ON follow_ups.id = follow_up_responses.follow_up_id "
        "JOIN responses AS first ON first.id = follow_ups.response_id "
        "JOIN responses AS later ON later.id = follow_up_responses.response_id WHERE how = 'added'"
    )
    added = dict(database.rows(query))
    for later, first in expected.added.items():
        if added.get(later) != first:
            yield f"{later} joined {added.get(later)} instead of {first}"


def _timers(database: Database) -> Iterator[str]:
    query = (
        "SELECT count(*) FROM follow_ups WHERE state IN ('open', 'acknowledged', 'contacted') AND NOT EXISTS "
        "(SELECT 1 FROM timers WHERE timers.follow_up_id = follow_ups.id AND timers.state = 'pending')"
    )
    if without := database.one(query):
        yield f"{without} live follow-ups have no next step"


def _notices(database: Database) -> Iterator[str]:
    query = (
        "SELECT follow_ups.id, count(notices.id) FROM follow_ups LEFT JOIN notices "
        "ON notices.follow_up_id = follow_ups.id AND notices.kind = 'alert' GROUP BY follow_ups.id"
    )
    for follow_up, n in database.rows(query):
        if n != 1:
            yield f"follow-up {follow_up} has {n} alerts"
    states = dict(database.rows("SELECT state, count(*) FROM notices WHERE kind = 'alert' GROUP BY state"))
    if set(states) - {"delivered"}:
        yield f"alerts are {states}; all should be delivered"


def _messages(database: Database, sent: Sent) -> Iterator[str]:
    known = {str(key): channel for key, channel in database.rows("SELECT key, channel FROM deliveries")}
    delivered = {str(row[0]) for row in database.rows("SELECT key FROM deliveries WHERE state = 'delivered'")}
    taken = Counter([*sent.slack, *sent.mail])
    for key in delivered - set(taken):
        yield f"delivery {key} is said to be delivered, and no provider has it"
    for key in set(taken) - set(known):
        yield f"a provider has {key}, which no delivery knows"
    # Slack is read back before anything is sent again; a mail whose answer was lost is sent once more.
    yield from _extra("Slack messages", sent.slack, sent.most_extra_slack)
    yield from _extra("mails", sent.mail, sent.most_extra_mails)


def _extra(what: str, ids: Sequence[str], most: int) -> Iterator[str]:
    if (extra := len(ids) - len(set(ids))) > most:
        yield f"{extra} {what} too many; {most} may be"


def _difference(what: str, found: set[str], wanted: set[str]) -> Iterator[str]:
    if lost := wanted - found:
        yield f"{what}: {len(lost)} lost, such as {sorted(lost)[:5]}"
    if invented := found - wanted:
        yield f"{what}: {len(invented)} that should not be, such as {sorted(invented)[:5]}"


def _doubles(what: str, found: Sequence[str]) -> Iterator[str]:
    doubled = [one for one, n in Counter(found).items() if n > 1]
    if doubled:
        yield f"{what} {len(doubled)} are there more than once, such as {doubled[:5]}"
