"""The composition root: the only place that knows everything.

An App is an object: built, started, stopped, reloaded. Signals and flags stay outside, so that tests and the demo run
it in their own process. What is opened is closed in the reverse order, also when starting fails half-way.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from contextlib import ExitStack

from worker import __version__, log, metrics
from worker.clock import Clock, SystemClock
from worker.errors import InnerloopError, SchemaMismatch, StoreUnavailable
from worker.followup.auditor import Auditor
from worker.followup.away import HandOver
from worker.followup.service import Service
from worker.followup.timers import Timers
from worker.health import STUCK_SECONDS, Health
from worker.ingest.kafka import KafkaReader
from worker.model.directory import Person, Team
from worker.notify import channels as catalogue
from worker.notify.deliver import Deliverer
from worker.notify.surveys import Surveys
from worker.pipeline import Pipeline
from worker.ruleset import RuleSets, hash_key, rules_dir, templates_dir
from worker.schedule.heartbeat import Heartbeat, Presence
from worker.schedule.retention import Retention
from worker.schedule.ticker import Duty, Ticker
from worker.serve.server import HttpServer
from worker.settings import Settings
from worker.settings import load as load_settings
from worker.store.dead_letters import Seal
from worker.store.engine import Store, open_store
from worker.store.guard import Guard
from worker.store.migrate import check_schema
from worker.store.notices import oldest_undelivered, unpublished_since

ALL_ROLES = frozenset({"consume", "deliver", "schedule", "serve"})
_STOP_SECONDS = 18.0  # of the 20 that a stop may take
_MIGRATION_SECONDS = 120.0
_PRUNE_SECONDS = 6 * 3600.0  # it looks at whole tables, and nothing is late by a quarter of a day
_LOOK_SECONDS = 2.0  # between two looks at the store and at the rule files

_log = log.get(__name__)


class App:
    """One worker process. `start` returns at once; what is missing is waited for, not ready."""

    def __init__(self, settings: Settings, clock: Clock, roles: frozenset[str]) -> None:
        # Long on purpose: one straight line from settings to a working process.
        metrics.BUILD.info({"version": __version__})
        self.settings = settings
        self.roles = roles
        self._clock = clock
        self._stop = threading.Event()
        self._closing = ExitStack()
        self._on_failure: Callable[[InnerloopError], None] = _ignore
        self.health = Health(clock)
        self.store: Store = open_store(settings.store_url.get_secret_value())
        self._closing.callback(self.store.close)
        self._guard = Guard(self.store, SystemClock().monotonic)
        self._closed = threading.Event()
        self._closing.callback(self._closed.set)
        self.channels = catalogue.build(settings, load_settings)
        keys = [key.get_secret_value() for key in settings.secret_keys]
        self.rule_sets = RuleSets(
            self.store,
            rules_dir(settings.rules_dir),
            templates_dir(settings.templates_dir),
            clock,
            reachable=self._reachable,
            hash_key=hash_key(keys),
            ops=settings.ops_channels,
        )
        self.deliverer = Deliverer(
            self.store, self.channels, self.rule_sets.current, clock, settings.senders, ops=settings.ops_channels
        )
        self.pipeline = Pipeline(
            self.store,
            self.rule_sets.current,
            clock,
            alert_max_age=settings.alert_max_age,
            seal=Seal(keys) if keys else None,
            told=self.deliverer.wake,
        )
        self.kafka = KafkaReader(settings, self.pipeline, clock) if "consume" in roles else None
        self.service = Service(
            self.store, self.rule_sets.current, clock, self.deliverer.wake, asks_again=bool(settings.kafka_events_topic)
        )
        self.surveys = Surveys(self.store, settings, clock) if settings.kafka_events_topic else None
        self.timers = Timers(self.store, self.rule_sets.current, clock, self.deliverer.wake)
        self.hand_over = HandOver(self.store, self.rule_sets.current, clock, self.deliverer.wake)
        self.auditor = Auditor(self.store, self.rule_sets.current, clock)
        self.retention = Retention(self.store, clock, responses=settings.keep_responses, notices=settings.keep_notices)
        self.ticker = Ticker(
            [
                Duty("settle", every=1, run=self.pipeline.settle),
                Duty("timers", every=1, run=self.timers.run),
                Duty("hand over", every=30, run=self.hand_over.run),
                Duty("auditor", every=60, run=self.auditor.run),
            ],
            clock,
            lambda: self.health.beat("schedule"),
        )
        self.presence = Presence(
            self.store, clock, roles, self.readiness, self._revision, lambda: self.rule_sets.problem
        )
        # What may take seconds: nothing that is due for a customer waits behind it.
        self.upkeep = Ticker([Duty("presence", every=15, run=self.presence.run), *self._slow_duties()], clock, _nothing)
        self.http = HttpServer(
            settings.http_listen,
            readiness=self.readiness,
            alive=self.is_alive,
            reload=self.reload,
            rules=self.rule_sets.status,
            notes=self._notes,
        )

    def _slow_duties(self) -> list[Duty]:
        if "schedule" not in self.roles:
            return []
        duties = [Duty("prune", every=_PRUNE_SECONDS, run=self.retention.run)]
        if url := self.settings.heartbeat_url:
            heartbeat = Heartbeat(self.store, self._clock, url.get_secret_value(), self.readiness)
            duties.append(Duty("heartbeat", every=5, run=heartbeat.run))
        return duties

    # Life --------------------------------------------------------------------------------------------------------

    def start(self, on_failure: Callable[[InnerloopError], None] | None = None) -> None:
        """Begin to answer health checks at once and to work as soon as everything is there.

        `on_failure` is told, on another thread, what no waiting will mend. Raises ConfigError for wrong settings.
        """
        if on_failure is not None:
            self._on_failure = on_failure
        self.http.start()
        self._closing.callback(self.http.stop)
        self._spawn("store guard", self._watch_connections)
        starting = self._spawn("start", self._start_working)
        self._closing.callback(starting.join)

    def stop(self) -> bool:
        """Finish the batch and the sends in flight, commit, leave the group, close. Safe to call twice.

        False when something did not end in time: it is as if the process had been killed in it.
        """
        self._stop.set()
        closing = threading.Thread(target=self._closing.close, name="stop", daemon=True)
        closing.start()
        closing.join(_STOP_SECONDS)
        return not closing.is_alive()

    def reload(self) -> None:
        """Look at the rule files now. A refused set leaves the one in use; what another one may read goes on."""
        before = self._revision()
        self.rule_sets.refresh()
        if before is not None and self._revision() != before:
            self.pipeline.forget_storms()

    def run_until_idle(self) -> None:
        """Read to the end the topics had at the start, do what is due, deliver, return.

        Raises StoreUnavailable, SchemaMismatch, RuleSetRefused and ConfigError; at the end InnerloopError, where a duty
        failed.
        """
        check_schema(self.store)
        self.rule_sets.start()
        self.rule_sets.refresh()  # refused at a second look, too, a set is told: here there is no third
        if self.kafka is not None:
            self.kafka.run_until_idle(self._stop)
        while True:
            done = self.ticker.run_all() if "schedule" in self.roles else 0
            if "schedule" in self.roles and self.surveys is not None:
                self.surveys.run()
            if "deliver" in self.roles:
                self.deliverer.run_until_idle()
            if not done:
                break
        if self.ticker.failed:
            names = ", ".join(sorted(self.ticker.failed))
            raise InnerloopError(f"Not everything could be done: {names}. The log says why; the rest is done.")

    # Health ------------------------------------------------------------------------------------------------------

    def is_alive(self) -> bool:
        """Whether every loop makes progress; a process that does not is restarted."""
        reading = self.kafka is None or SystemClock().monotonic() - self.kafka.status().progress < STUCK_SECONDS
        return reading and self.health.is_alive()

    def readiness(self) -> list[str]:
        """Names of what this process needs and does not have."""
        failing = self.health.failing()
        if not self.rule_sets.is_usable:
            failing.append("rules")
        if self.kafka is not None:
            failing.extend(self.kafka.status().failing)
        return sorted(set(failing))

    def _notes(self) -> list[str]:
        """What somebody should know although everything works."""
        if self.rule_sets.problem is None:
            return []
        return [f"The newest rule set is refused; {self._revision()} goes on. See: innerloop rules status"]

    # Inside ------------------------------------------------------------------------------------------------------

    def _start_working(self) -> None:
        if not self._take_rules() or self._stop.is_set():
            return
        if "deliver" in self.roles:
            self.deliverer.start()
            self._closing.callback(self.deliverer.stop, _STOP_SECONDS)
        if "schedule" in self.roles:
            self.ticker.start()
            self._closing.callback(self.ticker.stop, _STOP_SECONDS)
        if "schedule" in self.roles and self.surveys is not None:
            self._publish(self.surveys)
        if self.kafka is not None:
            kafka = self.kafka
            reading = self._spawn("kafka", lambda: kafka.run(self._stop))
            self._closing.callback(reading.join, _STOP_SECONDS)
        self._closing.callback(self.presence.end)
        self.upkeep.start()
        self._closing.callback(self.upkeep.stop, _LOOK_SECONDS)
        watching = self._spawn("watch", self._watch)
        self._closing.callback(watching.join, _LOOK_SECONDS)

    def _publish(self, surveys: Surveys) -> None:
        """On a thread of its own: brokers that do not answer hold up no timer."""
        publisher = Ticker([Duty("surveys", every=1, run=surveys.run)], self._clock, lambda: None)
        publisher.start()
        self._closing.callback(surveys.close)
        self._closing.callback(publisher.stop, _STOP_SECONDS)

    def _take_rules(self) -> bool:
        """Wait for the store and take the rule set. False when told to stop meanwhile."""
        while self._wait_for_store():
            try:
                self.rule_sets.start()
            except StoreUnavailable:
                continue  # it went away again in between
            return True
        return False

    def _revision(self) -> str | None:
        return self.rule_sets.current().revision if self.rule_sets.is_usable else None

    def _wait_for_store(self) -> bool:
        """Wait for the store, and a while for somebody to migrate it. False when told to stop meanwhile."""
        # Nobody else migrates a file on this host: there is nothing to wait for.
        patience = _MIGRATION_SECONDS if self.store.dialect == "postgresql" else 0.0
        began = self._clock.monotonic()
        while not self._stop.is_set():
            try:
                check_schema(self.store)
            except StoreUnavailable as error:
                self.health.failed("store", str(error))
            except SchemaMismatch as error:
                self.health.failed("schema", str(error))
                if self._clock.monotonic() - began >= patience:
                    raise
            else:
                self.health.works("store")
                self.health.works("schema")
                return True
            self._stop.wait(_LOOK_SECONDS)
        return False

    def _watch(self) -> None:
        """Look at the store and at the rule files, again and again."""
        while not self._stop.wait(_LOOK_SECONDS):
            self.health.beat("watch")
            try:
                self._measure()
                self.reload()
                self.health.works("store")
            except StoreUnavailable as error:
                self.health.failed("store", str(error))

    def _watch_connections(self) -> None:
        """Until the very end: also what ends must not wait for a store that stands still."""
        while not self._closed.wait(_LOOK_SECONDS):
            try:
                self._guard.look()
            except StoreUnavailable as error:
                self.health.failed("store", str(error))

    def _measure(self) -> None:
        """Ask the store what the metrics say about waiting messages: also the proof that it answers."""
        now = self._clock.now()
        with self.store.read() as conn:
            oldest = {
                metrics.OLDEST_NOTICE: oldest_undelivered(conn, now),
                metrics.OLDEST_EVENT: unpublished_since(conn, now),
            }
        for gauge, since in oldest.items():
            gauge.set((now - since).total_seconds() if since else 0)
        metrics.READY.set(not self.readiness())

    def _spawn(self, name: str, work: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except InnerloopError as error:
                self.health.failed(name, str(error))
                self._on_failure(error)
            except Exception as error:  # noqa: BLE001 - whatever ends a thread must be heard of
                # A defect of ours. Standing still in silence would be worse than a restart.
                _log.exception("thread ended", thread=name)
                self.health.failed(name, type(error).__name__)
                self._on_failure(InnerloopError(f"{name} stopped: {type(error).__name__}: {error}"))

        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        return thread

    def _reachable(self, who: Person | Team) -> bool:
        """Whether somebody has an address on a channel that is set up.

        A process that does not deliver has no channels, and cannot know those of the ones that do: every address
        counts there. Otherwise whoever reads without a Slack token would find no owner but the last.
        """
        addresses = who.addresses
        channels = self.channels if "deliver" in self.roles else addresses
        return any(addresses.get(name) for name in channels)


def build(settings: Settings, *, clock: Clock | None = None, roles: frozenset[str] = ALL_ROLES) -> App:
    """A worker, ready to start. Opens no connection yet. Raises ConfigError for wrong settings."""
    return App(settings, clock or SystemClock(), roles)


def collect_seldom() -> None:
    """Spare the garbage collector what lives as long as the process: a quarter of a batch's time went into it.

    For a process that is nothing but a worker: what is loaded by now is never looked at again. A batch makes tens of
    thousands of objects and hardly a cycle, so the youngest are looked at once a batch, not fifty times.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _nothing() -> None:
    """Nobody is to be told of a beat."""


def _ignore(_error: InnerloopError) -> None:
    """Nobody asked to be told."""
