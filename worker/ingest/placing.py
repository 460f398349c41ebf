"""Where to start reading a partition that was just assigned, and what has to be written down about it. Pure.

| known                                  | start             | said                                     |
|----------------------------------------|-------------------|------------------------------------------|
| a head under another topic id          | beginning         | recreated: a new chain                   |
| no head                                | beginning         | new: a chain begins                      |
| head beyond the end of the log         | beginning         | shorter: a new chain                     |
| head, nothing committed                | head              |                                          |
| committed before the head              | committed         | rewound: only counts as read again       |
| committed after the head               | head              | ahead: a restored database, a foreign commit |
| start before the beginning of the log  | beginning         | gap from the head on: retention          |

The ledger's head is the truth and the committed offset a hint: a wanted jump is a command of ours, not a commit.
"""

from __future__ import annotations

from msgspec import Struct

from worker.ingest.records import Head

_AGAIN = "."  # no topic id holds one


class Placing(Struct, frozen=True, kw_only=True):
    """`chain` says why a new chain begins, `gap` what nobody can read any more, `alert` what ops should know.

    `ended` is the incarnation and head of a chain that ends here: how many of its records went unread nobody knows.
    """

    start: int
    incarnation: str
    chain: str | None = None  # new, recreated, shorter
    gap: tuple[int, int] | None = None
    ended: tuple[str, int] | None = None
    alert: str | None = None


def place(*, topic_id: str, head: Head | None, committed: int | None, low: int, high: int) -> Placing:
    """`low` and `high` are the first offset of the log and the one after its last, `topic_id` is "" when unknown."""
    if head is None:
        return Placing(start=low, incarnation=topic_id, chain="new", alert=_unknown_commit(committed, low))
    if of_topic(head.incarnation) != topic_id:
        alert = "another topic of the same name"
        return Placing(start=low, incarnation=topic_id, chain="recreated", ended=_end(head), alert=alert)
    if head.next_offset > high:
        alert = f"the log ends at {high}, and {head.next_offset} was read already"
        again = _next_incarnation(head.incarnation)
        return Placing(start=low, incarnation=again, chain="shorter", ended=_end(head), alert=alert)
    if head.next_offset < low:
        return Placing(start=low, incarnation=head.incarnation, gap=(head.next_offset, low))
    if committed is not None and committed > head.next_offset:
        alert = f"{committed} was committed, but only what is before {head.next_offset} was stored"
        return Placing(start=head.next_offset, incarnation=head.incarnation, alert=alert)
    start = head.next_offset if committed is None else max(committed, low)
    return Placing(start=start, incarnation=head.incarnation)


def _end(head: Head) -> tuple[str, int]:
    return head.incarnation, head.next_offset


def of_topic(incarnation: str) -> str:
    """The topic id of an incarnation: a log that shrank under one id has several."""
    return incarnation.partition(_AGAIN)[0]


def _next_incarnation(incarnation: str) -> str:
    topic_id, _, n = incarnation.partition(_AGAIN)
    return f"{topic_id}{_AGAIN}{int(n or 1) + 1}"


def _unknown_commit(committed: int | None, low: int) -> str | None:
    if committed is None or committed <= low:
        return None
    return f"{committed} was committed, but this store has read nothing yet: reading from the beginning"
