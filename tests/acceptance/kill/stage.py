"""Everything around the worker: a topic, a store, providers, a story; and the count of what is left of it."""

from __future__ import annotations

import textwrap
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.kill.checker import Database, Sent, check, read_to_the_end, settled, spilled, unfinished
from tests.acceptance.kill.story import MENDED, RULES, Story
from tests.support.kafka.cluster import Kafka
from tests.support.process import Innerloop
from tests.support.slack_server import SlackServer
from tests.support.smtp_server import SmtpServer
from tests.support.waiting import until

SENDERS = 4


@dataclass(slots=True)
class Stage:
    kafka: Kafka
    store_url: str
    directory: Path
    slack: SlackServer
    smtp: SmtpServer
    story: Story
    say: Callable[[str], None] = lambda line: None
    finish_within: float = 120.0  # seconds: leases of the dead end after 30, read-backs take their time
    topic: str = ""
    partitions: int = 3
    program: Innerloop = field(init=False)
    _homes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.topic = self.kafka.create_topic(partitions=self.partitions)
        self.program = Innerloop(self.directory)
        self.program.settings = {
            **self.kafka.settings(),
            **self.slack.settings(),
            **self.smtp.settings(),
            "INNERLOOP_KAFKA_TOPICS": self.topic,
            "INNERLOOP_KAFKA_GROUP_ID": self.group,
            "INNERLOOP_STORE_URL": self.store_url,
            "INNERLOOP_RULES_DIR": self._rules("rules", RULES),
            "INNERLOOP_SENDERS": str(SENDERS),
            "INNERLOOP_HTTP_LISTEN": "127.0.0.1:0",
            "INNERLOOP_SECRET_KEYS": "k" * 40,
            "INNERLOOP_LOG_LEVEL": "info",
        }
        done = self.program("migrate")
        assert done.code == 0, done.err

    @property
    def group(self) -> str:
        return f"group-{self.topic}"

    @property
    def mended(self) -> dict[str, str]:
        """The setting under which dead letters of the story's unknown survey can be read."""
        return {"INNERLOOP_RULES_DIR": self._rules("mended", MENDED)}

    def _rules(self, name: str, files: dict[str, str]) -> str:
        home = self.directory / name
        home.mkdir(exist_ok=True)
        for file, text in files.items():
            (home / file).write_text(textwrap.dedent(text), encoding="utf-8")
        return str(home)

    def produce(self, records: int) -> None:
        self.hand_over(records)
        self.kafka.flush()

    def hand_over(self, records: int) -> None:
        """Without waiting for brokers. A key stays in its partition, also when others are added."""
        for record in self.story.burst(records):
            home = self._homes.setdefault(record.key, zlib.crc32(record.key.encode()) % self.partitions)
            self.kafka.produce_later(self.topic, record.value, key=record.key, partition=home)

    def add_partitions(self, more: int) -> None:
        self.kafka.add_partitions(self.topic, self.partitions + more)
        self.partitions += more

    def finish(self) -> None:
        """One worker in peace: to the end of the topic, dead letters replayed, everything settled and told."""
        database, ends = Database(self.store_url), self.ends()
        process = self.program.run().process
        try:
            until(lambda: read_to_the_end(database, ends), self.finish_within, what="the worker to read to the end")
            self._replay()
            until(lambda: settled(database), self.finish_within, what="everything to be settled and told")
            code = process.terminate()
            assert code == 0, f"the worker ended with {code}"
        except AssertionError as error:
            state = unfinished(database)
            raise AssertionError(f"{error}\n{state}\nthe worker said:\n{process.output[-4000:]}") from None
        finally:
            process.kill()

    def _replay(self) -> None:
        done = self.program("dead-letters", "replay", "--reason", "unknown_scale", timeout=300, **self.mended)
        assert done.code == 0, f"the replay ended with {done.code}: {done.out[-2000:]}{done.err[-2000:]}"
        self.story.expected.mend()

    def count(self, *, most_extra_mails: int, most_extra_slack: int = 0) -> list[str]:
        """One sentence for each thing that is wrong."""
        sent = Sent(
            slack=[message.delivery_id or "?" for message in self.slack.messages],
            mail=[mail.delivery_id for mail in self.smtp.messages],
            most_extra_slack=most_extra_slack,
            most_extra_mails=most_extra_mails,
        )
        expected = self.story.expected
        self.say(
            f"written {expected.outcomes.total()}: {dict(expected.outcomes)}; {len(expected.opened)} follow-ups; "
            f"{len(sent.slack)} Slack messages, {len(sent.mail)} mails"
        )
        database = Database(self.store_url)
        wrong = check(database, expected, self.ends(), sent)
        return wrong + spilled(database, self._said(), self._told())

    def _said(self) -> str:
        return "\n".join(process.output for process in self.program.started)

    def _told(self) -> str:
        payloads = [str(version) for message in self.slack.messages for version in message.versions]
        return "\n".join([*payloads, *(str(mail.message) for mail in self.smtp.messages)])

    def ends(self) -> dict[tuple[str, int], int]:
        return {(self.topic, partition): end for partition, end in self.kafka.end_offsets(self.topic).items()}
