"""The rule set in use: rules, directory, lexicons and templates as one set, read, checked, swapped and remembered.

A set is taken whole or not at all. A refused one leaves the last good one working, also across a restart: accepted
sets are kept in the store.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from worker import log, metrics
from worker.classify.classifier import Classifier
from worker.clock import Clock
from worker.errors import RuleSetRefused
from worker.followup.people import People, Reachable
from worker.ingest.reader import Reader
from worker.ingest.sources import check_source
from worker.model.directory import Absence, Directory
from worker.notify import samples
from worker.notify.ops import rules_refused
from worker.notify.recipients import MAINTAINER, OPS, find, is_address
from worker.notify.render import Templates
from worker.route.decide import Decider
from worker.route.findings import Finding, Level, as_json, as_text
from worker.route.inline import findings_of, run_tests
from worker.route.load import load, revision
from worker.route.nodes import MOST_BYTES
from worker.route.schema import RuleSet
from worker.store import absences, notices, rule_sets
from worker.store.absences import Absent
from worker.store.engine import Store

Files = Mapping[str, bytes]
"""Path below its directory, with `rules/` or `templates/` before it, to content."""

_SHIPPED = Path(__file__).parent / "_shipped"
_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class LiveSet:
    """Everything that one revision decides and says. Immutable; swapped as one reference between two batches."""

    revision: str
    rule_set: RuleSet
    decider: Decider
    classifier: Classifier
    reader: Reader
    templates: Templates
    people: People
    files: Files


def with_absences(live: LiveSet, away: Sequence[Absent]) -> LiveSet:
    """The same revision, its people away at these times, too. Somebody the directory does not know is left out."""
    if not away:
        return live
    rules = live.rule_set
    people = dict(rules.directory.people)
    for one in away:
        if (person := people.get(one.person)) is not None:
            absence = Absence(since=one.since, until=one.until, delegate=one.delegate)
            people[person.id] = msgspec.structs.replace(person, away=(*person.away, absence))
    directory = msgspec.structs.replace(rules.directory, people=people)
    changed = replace(rules, directory=directory)
    return replace(
        live,
        rule_set=changed,
        decider=Decider(changed),
        people=People(directory, changed.zone, live.people.reachable),
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What checking a set said: the set, unless it is refused, and every finding."""

    live: LiveSet | None
    findings: tuple[Finding, ...]
    revision: str


def rules_dir(wanted: Path | None) -> Path:
    """The directory of the rules: the one asked for, else ./rules, else what ships with the program."""
    return _directory(wanted, "rules")


def templates_dir(wanted: Path | None) -> Path:
    """The directory of the templates, found in the same way."""
    return _directory(wanted, "templates")


def _directory(wanted: Path | None, name: str) -> Path:
    if wanted is not None:
        return wanted
    here = Path(name)
    if here.is_dir():
        return here
    shipped = _SHIPPED / name
    return shipped if shipped.is_dir() else Path(__file__).parent.parent / name


def read_files(rules: Path, templates: Path) -> dict[str, bytes]:
    """Every file of the set. Raises RuleSetRefused without any rules, or for a link that leads out."""
    files = _read_below(rules, "rules", ("*.yaml", "*.csv", "sources/*.yaml"))
    if not files:
        raise RuleSetRefused(f"{rules} holds no rules: routing.yaml, playbooks.yaml and directory.yaml are needed.")
    return files | _read_below(templates, "templates", ("*/*.j2",))


def below(files: Files, directory: str) -> dict[str, bytes]:
    """The files of `rules` or `templates`, by their paths in it."""
    prefix = f"{directory}/"
    return {name.removeprefix(prefix): content for name, content in files.items() if name.startswith(prefix)}


def _read_below(root: Path, prefix: str, patterns: tuple[str, ...]) -> dict[str, bytes]:
    inside = root.resolve()
    found: dict[str, bytes] = {}
    real: dict[Path, Path] = {}  # directories without links; this is done every other second, for every file
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            name = path.relative_to(root).as_posix()
            if name.startswith(".") or not path.is_file():
                continue
            if path.parent not in real:
                real[path.parent] = path.parent.resolve()
            # A ConfigMap is a tree of links inside the directory; a link to the outside is somebody's trick.
            if not (path.resolve() if path.is_symlink() else real[path.parent]).is_relative_to(inside):
                raise RuleSetRefused(f"{path} is a link to a place outside {root}. Put the file itself there.")
            with path.open("rb") as file:
                # Room is made for all that is asked for. One more than most says that there is more.
                size = min(os.fstat(file.fileno()).st_size, MOST_BYTES)
                found[f"{prefix}/{name}"] = content = file.read(size + 1)
            if prefix == "templates" and len(content) > MOST_BYTES:  # the loader says it of the others
                raise RuleSetRefused(f"{path} has more than {MOST_BYTES:,} bytes. No template needs that many.")
    return found


def hash_key(keys: Sequence[str]) -> bytes:
    """Keys the hashes of e-mail addresses. The oldest key, so that adding one keeps customers recognisable."""
    return hashlib.sha256(b"innerloop customers " + (keys[-1].encode() if keys else b"")).digest()


def compose(
    files: Files,
    *,
    reachable: Reachable,
    hash_key: bytes,
    prove: bool = True,
    names: tuple[str, str] = ("rules", "templates"),
) -> Verdict:
    """Check a set as a whole and make it ready. Pure, but for the time it takes.

    `prove` runs the inline tests and renders every template; a set that was accepted once needs no proof again.
    `names` are those that findings give to the directories of rules and templates.
    """
    rules, pages = below(files, "rules"), below(files, "templates")
    now_revision = revision(files)
    loaded = load(rules, root=names[0], check_source=check_source, revision_=now_revision)
    if loaded.rule_set is None:
        return Verdict(None, loaded.findings, now_revision)
    rule_set = loaded.rule_set
    live = LiveSet(
        revision=now_revision,
        rule_set=rule_set,
        decider=Decider(rule_set),
        classifier=Classifier(rule_set.themes, rule_set.severity, rule_set.surveys),
        reader=Reader(rule_set.sources, hash_key, rule_set.surveys),
        templates=Templates(pages),
        people=People(rule_set.directory, rule_set.zone, reachable),
        files=files,
    )
    findings = (*loaded.findings, *(_proofs(live, names[1]) if prove else ()))
    refused = any(finding.level is Level.ERROR for finding in findings)
    return Verdict(None if refused else live, findings, now_revision)


def _proofs(live: LiveSet, templates: str) -> tuple[Finding, ...]:
    """What only trying shows: inline tests that fail, templates that cannot be rendered."""
    tests = findings_of(run_tests(live.rule_set, live.classifier.classify, live.decider))
    return (*tests, *live.templates.check(samples.views(), templates, customers=live.rule_set.tells_customers))


@dataclass(frozen=True, slots=True)
class _Refused:
    """A set that was refused, to be told. `episode` is the same for the same set, also after a restart."""

    episode: str
    first: str
    count: int = 1


class RuleSets:
    """Holds the set in use and swaps it when the files change.

    Not thread-safe for writing: `start` and `refresh` belong to one thread; `current` may be read from any.
    """

    def __init__(
        self,
        store: Store,
        rules: Path,
        templates: Path,
        clock: Clock,
        *,
        reachable: Reachable,
        hash_key: bytes,
        ops: Sequence[str] = (),
    ) -> None:
        """`ops` are INNERLOOP_OPS_CHANNELS: whoever reads there need not be told twice."""
        self._ops = tuple(ops)
        self._store = store
        self._rules = rules
        self._templates = templates
        self._clock = clock
        self._reachable = reachable
        self._hash_key = hash_key
        self._live: LiveSet | None = None
        self._taken: LiveSet | None = None  # as the files say it, without the absences in the store
        self._away: tuple[Absent, ...] = ()
        self._seen: Files = {}
        self._lock = threading.Lock()
        self._to_tell: _Refused | None = None
        self._told: str | None = None
        self.refused: tuple[Finding, ...] = ()
        self.problem: str | None = None

    def current(self) -> LiveSet:
        """The set in use. Raises RuleSetRefused where there is none."""
        if self._live is None:
            raise RuleSetRefused(self.problem)
        return self._live

    def status(self) -> dict[str, Any]:
        """The revision in use, and what was wrong with the newest set while it is refused. For any thread."""
        live = self._live
        found = as_json(self.refused, None)["findings"]
        return {
            "revision": live.revision if live else None,
            "maintained_by": live.rule_set.maintained_by if live else None,
            "refused": {"problem": self.problem, "findings": found} if self.problem else None,
        }

    @property
    def is_usable(self) -> bool:
        return self._live is not None

    def start(self) -> None:
        """Take the set in the directory, else the last one that was accepted.

        Raises RuleSetRefused where neither can be used, StoreUnavailable where the store cannot be asked.
        """
        self.refresh()
        if self._live is None:
            self._take_last_good()
            self._look_who_is_away()
        if self._live is None:
            raise RuleSetRefused(f"No usable rule set. {self.problem}")

    def refresh(self) -> bool:
        """Look whether files or absences changed; check a new set and take it. Gives whether anything new is in use."""
        with self._lock:
            before, self._to_tell = self._to_tell, None
            files = self._read()
            taken = False
            if files is not None and files != self._seen:
                taken = self._consider(files)  # raises where the store does not answer: looked at again next time
                self._seen = files
            elif files is not None:
                self._to_tell = before
            if before is not None and before == self._to_tell:  # still so: not a set that was just being copied
                self._tell(before)
            return self._look_who_is_away() or taken

    def _look_who_is_away(self) -> bool:
        """Absences change who decides and who is told, and nothing else: the revision stays."""
        if self._taken is None:
            return False
        with self._store.read() as conn:
            away = absences.current(conn, self._clock.now().date())
        if away == self._away:
            return False
        self._away = away
        self._live = with_absences(self._taken, away)
        _log.info("absences in use", count=len(away))
        return True

    def _read(self) -> Files | None:
        try:
            return read_files(self._rules, self._templates)
        except (RuleSetRefused, OSError) as error:
            self._seen = {}  # the files of before are news again when they are back
            problem = str(error)
            self._refuse(problem, ())
            self._to_tell = _Refused(hashlib.sha256(problem.encode()).hexdigest()[:12], problem)
            return None

    def _consider(self, files: Files) -> bool:
        verdict = compose(files, reachable=self._reachable, hash_key=self._hash_key)
        if verdict.live is None:
            errors = [finding for finding in verdict.findings if finding.level is Level.ERROR]
            first = as_text(errors[:1])[0]
            self._refuse(f"{len(errors)} mistakes, the first: {first}", verdict.findings)
            self._to_tell = _Refused(verdict.revision, first, len(errors))
            return False
        with self._store.write() as conn:
            rule_sets.accept(
                conn, verdict.revision, files, verdict.live.rule_set.maintained_by, self._clock.now(),
                len(verdict.findings),
            )  # fmt: skip
        self._use(verdict.live)
        return True

    def _tell(self, refused: _Refused) -> None:
        """Ops, and whoever looks after the rules, hear once of each set that is refused."""
        self._to_tell = refused
        if self._live is None or refused.episode == self._told:
            return  # where nothing runs yet, nobody delivers, and the one who starts it reads why
        maintainer = self._live.rule_set.maintained_by
        to = [OPS]
        if maintainer and f"email:{maintainer}" not in self._ops and self._can_be_told(maintainer):
            to.append(MAINTAINER)
        kept, now = self._live.revision, self._clock.now()
        with self._store.write() as conn:
            told = rules_refused(refused.episode, refused.first, refused.count, kept, now, to=to)
            notices.add(conn, told, now)
        self._told = refused.episode

    def _can_be_told(self, maintainer: str) -> bool:
        return is_address(maintainer) or any(find(maintainer.removeprefix("person:"), self._directory()))

    def _directory(self) -> Directory:
        return self.current().rule_set.directory

    def _take_last_good(self) -> None:
        with self._store.read() as conn:
            last = rule_sets.latest(conn)
        if last is None:
            return
        verdict = compose(last[1], reachable=self._reachable, hash_key=self._hash_key, prove=False)
        if verdict.live is not None:
            self._use(verdict.live, keep_problem=True)

    def _use(self, live: LiveSet, *, keep_problem: bool = False) -> None:
        self._taken, self._live = live, with_absences(live, self._away)
        metrics.RULE_SET.clear()
        metrics.RULE_SET.labels(live.revision).set(1)
        if not keep_problem:
            self.refused, self.problem = (), None
            metrics.RULE_SET_REFUSED.set(0)
        _log.info("rule set in use", revision=live.revision)

    def _refuse(self, problem: str, findings: tuple[Finding, ...]) -> None:
        if problem != self.problem:
            kept = self._live.revision if self._live else None
            _log.error("rule set refused", problem=problem, still_in_use=kept)
        self.refused, self.problem = findings, problem
        metrics.RULE_SET_REFUSED.set(1)
