"""What ops are told about reading and deciding: storms, pauses, gaps, and work that nobody could own."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from worker import log
from worker.followup.opening import Opening
from worker.ingest.records import Partition, Pause
from worker.ingest.storms import Storm
from worker.ingest.versions import Version
from worker.model.notice import NewNotice
from worker.notify import ops
from worker.route.owners import DEFAULT, skip_words

A_LINE_EACH = 20  # responses of one transaction
_log = log.get(__name__)


def log_joined(kept: Iterable[Version], joined: Sequence[tuple[int, int, str, datetime]]) -> None:
    """Which record became which follow-up: a line for each, while there are few in a transaction.

    `response` is the id to follow: it stands in this line, and in the line of each attempt to tell somebody. Where a
    backlog is read there is one line for all, since a line costs half of what its response does; the store knows the
    rest (`responses show` names the record), and so does the log at debug.
    """
    records = {version.known.id: version.candidate.origin.name for version in kept}
    many = len(joined) > A_LINE_EACH
    for response, follow_up, how, _ in joined:
        line = {"response": response, "record": records.get(response), "follow_up": follow_up, "how": how}
        _log.log(logging.DEBUG if many else logging.INFO, "response to follow up", **line)
    if many:
        _log.info("many responses to follow up", count=len(joined), **Counter(how for _, _, how, _ in joined))


def storm_notice(storm: Storm, now: datetime) -> NewNotice:
    sample = storm.sample
    where = sample.origin.name
    return ops.notice(
        "storm",
        f"{storm.topic}/{storm.source}/{now:%Y-%m-%d}",
        now,
        broke=f'Source "{storm.source}" sends records nobody can use: {storm.dead} of the last {storm.of}. '
        f"One of them, {where}: {sample.message}",
        works="They are kept as dead letters and can be replayed. Other sources flow.",
        todo=f"Mend the source, or its mapping under rules/sources/; then: "
        f"innerloop dead-letters replay --source {storm.source}",
    )


def pause_notice(pause: Pause, now: datetime) -> NewNotice:
    at = f"{pause.topic}:{pause.partition}"
    return ops.notice(
        "paused",
        f"{at}/{pause.next_offset}",
        now,
        broke=f"Nothing in partition {at} can be read any more, so it pauses before offset {pause.next_offset}.",
        works="Kafka keeps what is unread; other partitions flow.",
        todo="Mend the rules' mapping, or take the records as dead letters: "
        f"innerloop dead-letters accept --partition {at} --until OFFSET",
    )


def gap_notice(at: Partition, from_: int, to: int, reason: str, now: datetime) -> NewNotice:
    lost = f"Up to {to - from_} records of {at[0]}:{at[1]} were lost before they were read "
    if from_ == to:
        lost = f"Nobody knows how many records of {at[0]}:{at[1]} were lost, because its log began anew "
    return ops.notice(
        "gap",
        f"{at[0]}:{at[1]}/{from_}-{to}/{now:%Y-%m-%d}",
        now,
        broke=f"{lost}({_offsets(from_, to)}: {reason}).",
        works="Everything before and after is accounted for.",
        todo="Lengthen the topic's retention, and send the missing responses once more if the source still has them.",
    )


def _offsets(from_: int, to: int) -> str:
    return f"offsets {from_} to {to - 1}" if to > from_ else f"from offset {from_} on"


def nobody_notices(openings: Iterable[Opening], now: datetime) -> list[NewNotice]:
    """Once a day per rule whose chain led to nobody, so that the default owner got the work."""
    fell = {new.decision.rule: new for new in openings if new.decision.owner_via == DEFAULT and not new.test}
    return [_nobody_notice(rule, new, now) for rule, new in sorted(fell.items())]


def _nobody_notice(rule: str, new: Opening, now: datetime) -> NewNotice:
    skips = "; ".join(f"{skip.candidate}: {skip_words(skip)}" for skip in new.decision.owner_skips)
    return ops.notice(
        "default_owner",
        f"{rule}/{now:%Y-%m-%d}",
        now,
        broke=f'Nobody in the owner chain of rule "{rule}" could own F-{new.id}' + (f" ({skips})." if skips else "."),
        works=f"{new.owner} owns it as the default owner, with the same due time.",
        todo="Add whoever is missing to rules/directory.yaml, or lengthen the owner chain of the rule.",
    )
