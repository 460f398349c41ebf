"""Putting the demo's world together: everything on this machine, each part closed in the reverse order."""

from __future__ import annotations

import secrets
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.text import Text

from worker.demo import board, show
from worker.demo.broker import API_VERSION, Broker
from worker.demo.clock import PACE, DemoClock
from worker.demo.player import Player, Stage
from worker.demo.process import WorkerProcess
from worker.demo.sandbox.messages import Messages
from worker.demo.sandbox.server import HOST, Sandbox, listen, serve
from worker.demo.sandbox.slack import Fault
from worker.demo.sandbox.views import Surroundings
from worker.demo.stopping import Pause
from worker.demo.story import beats
from worker.demo.stream import TOPIC, afternoon
from worker.demo.times import START, ZONE
from worker.demo.why import Reasons
from worker.errors import ConfigError, RuleSetRefused
from worker.followup.service import Service
from worker.model.directory import Directory
from worker.ruleset import LiveSet, compose, read_files, rules_dir, templates_dir
from worker.store.engine import Store, open_store
from worker.store.migrate import migrate

DOMAIN = "quillbay.example"
USUAL_PORT = 8080
UNHURRIED = PACE / 4  # while the clock jumps, it need not run as fast in between


@dataclass(frozen=True, slots=True)
class Options:
    """Ports of 0 take any that is free; no port is the usual one, or any where that is taken."""

    once: bool = False
    port: int | None = None
    worker_port: int = 0


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that is set up: the worker is ready and the clock stands at the beginning."""

    player: Player
    screen: show.Show
    reasons: Reasons

    @property
    def stage(self) -> Stage:
        return self.player.stage

    def board(self) -> board.Board:
        with self.stage.store.read() as conn:
            return board.look(conn, self.stage.clock.now())


@contextmanager
def set_up(options: Options, out: Console, pause: Pause) -> Iterator[Demo]:
    """Broker, store, sandbox and worker, each closed in the reverse order. Raises whatever `pause` raises."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="innerloop-demo-")))
        clock = DemoClock.create(home / "clock", START)
        broker = stack.enter_context(closing(Broker()))
        broker.create(TOPIC)
        store = stack.enter_context(closing(open_store(f"sqlite:///{home / 'demo.db'}")))
        migrate(store)
        live = shipped_rules()
        pace = UNHURRIED if options.once else PACE
        reasons, messages = Reasons(store, live, pace), Messages(clock.now)
        records = afternoon(START)
        total = len(records) + sum(len(beat.records) for beat in beats())
        slack_down = threading.Event()
        around = _surroundings(clock, store, reasons, names(live.rule_set.directory), total)
        sandbox = stack.enter_context(serve(messages, around, fault=_while(slack_down), port=_port(options)))
        worker = WorkerProcess(home, home / "clock", settings(home, broker, sandbox, options.worker_port))
        stack.callback(worker.stop)
        screen = show.Show(sandbox.page, total, names(live.rule_set.directory))
        tell = partial(_tell, screen, out, plainly=options.once or not out.is_terminal)
        service = Service(store, lambda: live, clock)
        stage = Stage(clock, broker, worker, store, service, live.rule_set.directory, messages, slack_down, pause)
        _introduce(options, screen, worker, out)
        worker.start()
        worker.wait_ready(pause)
        clock.run(pace)
        yield Demo(Player(stage, deque(records), deque(beats()), tell), screen, reasons)


def shipped_rules() -> LiveSet:
    """The rule set that the worker will take too. Raises RuleSetRefused naming its first mistake."""
    verdict = compose(read_files(rules_dir(None), templates_dir(None)), reachable=lambda _who: True, hash_key=b"demo")
    if verdict.live is None:
        raise RuleSetRefused(f"The rules are refused: {verdict.findings[0].message}. See: innerloop rules check")
    return verdict.live


def settings(home: Path, broker: Broker, sandbox: Sandbox, worker_port: int) -> dict[str, str]:
    """What the worker is told: the same settings that a real one has, with everything on this machine."""
    with listen(worker_port) as free:
        own = f"{HOST}:{free.getsockname()[1]}"
    return {
        "store_url": f"sqlite:///{home / 'demo.db'}",
        "kafka_bootstrap_servers": broker.address,
        "kafka_topics": TOPIC,
        "kafka_group_id": "innerloop-demo",
        "kafka_api_version": API_VERSION,
        "smtp_url": f"smtp://{HOST}:{sandbox.smtp_port}?starttls=false",
        "email_from": f"innerloop <innerloop@{DOMAIN}>",
        "slack_bot_token": "xoxb-of-the-demo",
        "slack_base_url": sandbox.slack_api,
        "http_listen": own,
        "public_url": f"http://{own}",
        "log_format": "console",
        "secret_keys": secrets.token_urlsafe(32),
        "ops_channels": f"slack:#cx-ops,email:ops@{DOMAIN}",
    }


def names(directory: Directory) -> Callable[[str], str]:
    """An address of the directory as its owner's name; any other address as it is."""
    found: dict[str, str] = {}
    for person in directory.people.values():
        found |= dict.fromkeys(person.addresses.values(), person.name)
    for team in directory.teams.values():
        found |= dict.fromkeys((address for address in team.queue.values() if not address.startswith("#")), team.name)
    return lambda address: found.get(address, address)


def _while(down: threading.Event) -> Fault:
    """Slack is overloaded while the event is set."""
    return lambda _method, _args: 503 if down.is_set() else None


def _port(options: Options) -> int:
    """The one asked for; else the usual one where it is free, and any other where it is not."""
    if options.port is not None or options.once:
        return options.port or 0
    try:
        listen(USUAL_PORT).close()
    except ConfigError:
        return 0
    return USUAL_PORT


def _surroundings(
    clock: DemoClock, store: Store, reasons: Reasons, name_of: Callable[[str], str], total: int
) -> Surroundings:
    def progress() -> tuple[int, int]:
        with store.read() as conn:
            return board.account(conn).read, total

    return Surroundings(ZONE, clock.now, name_of, progress, reasons.why, reasons.delay)


def _introduce(options: Options, screen: show.Show, worker: WorkerProcess, out: Console) -> None:
    ask = f"INNERLOOP_CONFIG={worker.settings_file} {program(sys.argv[0])} follow-ups list"
    banner = show.BANNER_ONCE if options.once else show.BANNER
    lines = (banner, f"Read the messages as their receivers do: {screen.page}", f"Ask it yourself: {ask}", "")
    out.print(Text("innerloop demo", "bold"))
    for line in lines:
        out.print(line, markup=False, soft_wrap=True)


def program(started: str) -> str:
    """The command as it was started, so that a line with it can be typed: `make demo` puts none into the PATH."""
    return started if Path(started).name == "innerloop" else "innerloop"


def _tell(screen: show.Show, out: Console, at: datetime, text: str, *, plainly: bool) -> None:
    screen.lines.append((at, text))
    if plainly:
        out.print(show.story_line(at, text), markup=False, soft_wrap=True)
