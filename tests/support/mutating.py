"""Random mutations of a rule set: whatever comes of it, an error line or a working set. As a program:

python -m tests.support.mutating 10000 1 2        (or: make mutations MUTATIONS=10000 SEED=1 PROCESSES=2)

Every mutation has a seed of its own. One that is not survived is named, and runs again alone with 1 and that seed.
A file that was not spoilt is parsed once, and what stands beside an unreadable one is read once; whatever else comes
after parsing is done anew for every mutation.
"""

from __future__ import annotations

import multiprocessing
import random
import resource
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tests.support.rule_sets import NOW, SMALLEST, classify, response
from worker.classify.classifier import Classifier
from worker.ingest.sources import check_source
from worker.model.decision import Facts
from worker.route import nodes
from worker.route.decide import Decider
from worker.route.findings import Finding, Notes, Place, as_github, as_json, as_text
from worker.route.inline import findings_of, run_tests
from worker.route.load import Parse, load
from worker.route.owners import has_address
from worker.route.speak import sentence

RULES = Path(__file__).parents[2] / "rules"
_PIECES = (
    b"#", b": ", b"- ", b"\t", b"{", b"}", b"[", b"]", b"'", b'"', b"&a ", b"*a", b"<<: ", b"!!python/object:x ",
    b"|\n", b">\n", b"\xff", b"\x00", b"\xef\xbb\xbf", b"\r\n", b"\xe2\x80\xa8", b"0", b"-1", b"99999999999999999999",
    b"1e999", b"9999-12-31", b"0001-01-01", b"24:00", b"25:61", b"4 business hours", b"0 days", b"always", b"any:",
    b"none:", b"~", b"null", b"person:", b"team:x", b"matches", b"in_hours", b"?", b"---\n", b"...\n", b"%YAML 1.2\n",
    b"\xed\xa0\x80", "İ".encode(), "ﬁ".encode(), b"(" * 40, b"{" * 40,
)  # fmt: skip
_AT_A_TIME = 10_000
_OFTENER = 3  # mapping files are many and alike
_MOST_MEGABYTES = 256
_COMMENT = "The invoice was wrong again, and nobody calls me back. I will tell my lawyer."
Change = Callable[[random.Random, bytes], bytes]


_LEXICONS = ("themes.yaml", "severity.yaml")
_SMALL = {name: text.encode() for name, text in SMALLEST.items()}


def shipped(sources: bool = True) -> dict[str, bytes]:
    """The shipped rules; without the lexicons, and without the tests that need them."""
    paths = [path for path in RULES.rglob("*") if path.is_file() and path.name not in (*_LEXICONS, "words.yaml")]
    files = {path.relative_to(RULES).as_posix(): path.read_bytes() for path in paths}
    files["routing.yaml"] = files["routing.yaml"].replace(b"include: [words.yaml]", b"")
    return {name: files[name] for name in files if sources or not name.startswith("sources/")}


def to_spoil() -> list[dict[str, bytes]]:
    """Sets whose first file is spoilt. What no rule speaks of stands beside a small set: the others tell no more."""
    core = shipped(sources=False)
    mappings = {name: text for name, text in shipped().items() if name not in core}
    lexicons = {name: _beginning((RULES / name).read_bytes()) for name in _LEXICONS}
    return [
        *({name: core[name], **core} for name in core for _ in range(_OFTENER)),
        *({name: text, **_SMALL} for name, text in (lexicons | mappings).items()),
    ]


def _beginning(lexicon: bytes) -> bytes:
    """Its first label: the rest is long, and of the same kind."""
    return b"\n\n  ".join(lexicon.split(b"\n\n  ")[:2])


def _insert(chance: random.Random, text: bytes) -> bytes:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(_PIECES) + text[at:]


def _delete(chance: random.Random, text: bytes) -> bytes:
    at = chance.randrange(len(text) + 1)
    return text[:at] + text[at + chance.choice([1, 1, 2, 8, 80]) :]


def _flip(chance: random.Random, text: bytes) -> bytes:
    at = chance.randrange(max(1, len(text)))
    return text[:at] + bytes([chance.randrange(256)]) + text[at + 1 :]


def _move_line(chance: random.Random, text: bytes) -> bytes:
    lines = text.split(b"\n")
    line = lines.pop(chance.randrange(len(lines)))
    lines.insert(chance.randrange(len(lines) + 1), b" " * chance.choice([0, 0, 1, 2]) + line)
    return b"\n".join(lines)


def _swap_words(chance: random.Random, text: bytes) -> bytes:
    words = text.split(b" ")
    one, two = chance.randrange(len(words)), chance.randrange(len(words))
    words[one], words[two] = words[two], words[one]
    return b" ".join(words)


_CHANGES: tuple[Change, ...] = (_insert, _delete, _flip, _move_line, _swap_words)


def mutated(chance: random.Random, files: Mapping[str, bytes], name: str | None = None) -> dict[str, bytes]:
    """The files with one of them spoilt."""
    name = name or chance.choice(list(files))
    text = files[name]
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        text = chance.choice(_CHANGES)(chance, text)
    return {**files, name: text}


def survive(files: Mapping[str, bytes], parse: Parse = nodes.parse) -> bool:
    """Load and use a set in every way; gives whether it was accepted. Raises whatever the program did not expect."""
    loaded = load(files, check_source=check_source, parse=parse)
    findings = loaded.findings
    if loaded.rule_set is None:
        assert findings, "refused without a word"
    else:
        _use(Decider(loaded.rule_set))
        findings += findings_of(run_tests(loaded.rule_set, classify))
    _tell(findings)
    return loaded.rule_set is not None


def _tell(findings: tuple[Finding, ...]) -> None:
    for line in [*as_text(findings), *as_github(findings)]:
        assert "\n" not in line and len(line) < 2000, line
    as_json(findings, "r")


def _use(decider: Decider) -> None:
    asked, rules = response(2, comment=_COMMENT, language="en"), decider.rule_set
    has_lexicons = rules.themes or rules.severity
    verdict = Classifier(rules.themes, rules.severity, {}).classify(asked) if has_lexicons else classify(asked)
    decider.decide(asked, verdict, Facts(), NOW, has_address)
    decider.trace(asked, verdict, Facts(), NOW)
    for rule in (*rules.rules, *rules.also):
        assert sentence(rule)


@lru_cache(maxsize=32)
def _parsed(file: str, data: bytes) -> tuple[nodes.Map | None, tuple[Finding, ...]]:
    notes = Notes()
    return nodes.parse(file, data, notes), notes.sorted()


def remembered(file: str, data: bytes, notes: Notes) -> nodes.Map | None:
    """As nodes.parse, but a file that is met again is parsed once."""
    tree, findings = _parsed(file, data)
    for one in findings:
        notes.add(one.code, Place(one.file, one.line, one.column), one.message, one.fix)
    return tree


@dataclass(frozen=True, slots=True)
class Run:
    """What became of the mutations of some seeds."""

    seeds: range
    accepted: int
    died: tuple[tuple[int, str], ...]  # seed and traceback
    megabytes: int


def run(seeds: range) -> Run:
    accepted, died = 0, []
    sets, unreadable = to_spoil(), set[str]()
    for seed in seeds:
        chance = random.Random(seed)
        files = chance.choice(sets)
        name = next(iter(files))
        try:
            accepted += _survive(mutated(chance, files, name), name, unreadable)
        except Exception:  # noqa: BLE001 - told with its seed; the others are tried all the same
            died.append((seed, traceback.format_exc()))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return Run(seeds, accepted, tuple(died), most)


def _survive(files: Mapping[str, bytes], name: str, unreadable: set[str]) -> bool:
    """Without a file that cannot be parsed the rest is the same each time, and is read once."""
    tree, findings = _parsed(f"rules/{name}", files[name])
    if tree is None and name in unreadable:
        _tell(findings)
        return False
    if tree is None:
        unreadable.add(name)
    return survive(files, remembered)


def main(count: int, first: int, processes: int) -> bool:
    """Whether all were survived."""
    parts = [range(n, min(n + _AT_A_TIME, first + count)) for n in range(first, first + count, _AT_A_TIME)]
    done = accepted = died = most = 0
    start = time.monotonic()
    with multiprocessing.Pool(processes) as pool:
        for part in pool.imap_unordered(run, parts):
            done, accepted, died = done + len(part.seeds), accepted + part.accepted, died + len(part.died)
            most = max(most, part.megabytes)
            for seed, why in part.died:
                sys.stdout.write(f"seed {seed} is not survived:\n{why}")
            took = time.monotonic() - start
            sys.stdout.write(
                f"{done} mutations from seed {first} in {took:.0f} s: {accepted} accepted, "
                f"{done - accepted - died} refused, {died} not survived; at most {most} MB\n"
            )
            sys.stdout.flush()
    return not died and most <= _MOST_MEGABYTES


if __name__ == "__main__":
    sys.exit(not main(*map(int, sys.argv[1:4])))
