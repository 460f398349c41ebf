"""The rule set that a command works with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from worker.errors import ConfigError, RuleSetRefused

if TYPE_CHECKING:
    from worker.model.directory import Person, Team
    from worker.route.findings import Finding
    from worker.route.schema import RuleSet
    from worker.ruleset import Files, LiveSet, Verdict
    from worker.settings import Settings
    from worker.store.engine import Store


Compose = Callable[["Files"], "LiveSet"]


class Found(NamedTuple):
    """The files of a set, and how its findings name the two directories they are in."""

    files: Files
    rules: str = "rules"
    templates: str = "templates"


def read(settings: Settings, directory: Path | None = None) -> Found:
    """The files of `directory`, else of the settings. Raises ConfigError for a directory that is not there."""
    from worker.ruleset import read_files, rules_dir, templates_dir

    rules = rules_dir(directory or settings.rules_dir)
    if not rules.is_dir():
        raise ConfigError(f"{rules} is no directory. Name one with a routing.yaml, or set INNERLOOP_RULES_DIR.")
    try:
        templates = templates_dir(settings.templates_dir)
        return Found(read_files(rules, templates), _named(rules), _named(templates))
    except OSError as error:
        raise ConfigError(f"{error.filename or rules} cannot be read: {error.strerror or error}.") from None


def _named(directory: Path) -> str:
    """The directory as an editor or GitHub finds it from here."""
    here = Path.cwd()
    return (directory.relative_to(here) if directory.is_relative_to(here) else directory).as_posix()


def check(found: Found, settings: Settings, *, prove: bool = True) -> Verdict:
    """Check a set as a whole, and make it ready where it has no mistakes."""
    from worker.ruleset import compose

    return compose(
        found.files,
        reachable=_has_an_address,
        hash_key=customer_hash_key(settings),
        prove=prove,
        names=(found.rules, found.templates),
    )


def loaded(found: Found) -> RuleSet:
    """The rules alone, without templates and before their inline tests. Raises RuleSetRefused."""
    from worker.ingest.sources import check_source
    from worker.route.load import load, revision
    from worker.ruleset import below

    read = load(
        below(found.files, "rules"), root=found.rules, revision_=revision(found.files), check_source=check_source
    )
    if read.rule_set is None:
        raise RuleSetRefused(refusal(read.findings))
    return read.rule_set


def refusal(findings: Sequence[Finding]) -> str:
    """The first mistakes, a line each."""
    from worker.route.findings import as_text

    return "\n".join(["The rule set has mistakes.", *as_text(findings)])


def usable(found: Found, settings: Settings, *, prove: bool = True) -> LiveSet:
    """The set, ready to decide. Raises RuleSetRefused with the first mistakes."""
    verdict = check(found, settings, prove=prove)
    if verdict.live is None:
        raise RuleSetRefused(refusal(verdict.findings))
    return verdict.live


def as_stored(settings: Settings) -> Compose:
    """Makes a set ready that was accepted once, and is not proved again."""
    return lambda files: usable(Found(files), settings, prove=False)


def in_use(store: Store, settings: Settings) -> LiveSet:
    """The set that was accepted last, which the workers use; before the first one, the one in the directory.

    Who is away by command is away here, too.
    """
    from worker.cli import opening
    from worker.ruleset import with_absences
    from worker.store import absences, rule_sets

    with store.read() as conn:
        last = rule_sets.latest(conn)
        away = absences.current(conn, opening.now().date())
    return with_absences(usable(Found(last[1]) if last else read(settings), settings, prove=last is None), away)


def _has_an_address(who: Person | Team) -> bool:
    """Rules are judged alike on every machine, also where no channel is set up."""
    return bool(who.addresses)


def customer_hash_key(settings: Settings) -> bytes:
    """What e-mail addresses are hashed with where a customer has no id."""
    from worker.ruleset import hash_key

    return hash_key([key.get_secret_value() for key in settings.secret_keys])
