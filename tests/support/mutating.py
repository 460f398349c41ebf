"""Random mutations of a rule set: whatever comes of it, an error line or a working set. As a program:

python -m tests.support.mutating 10000 1          (or: make mutations MUTATIONS=10000 SEED=1)

A seed that is not survived is named; it alone runs again with 1 and that seed.
"""

from __future__ import annotations

import random
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.rule_sets import NOW, classify, response
from worker.ingest.sources import check_source
from worker.model.decision import Facts
from worker.route.decide import Decider
from worker.route.findings import as_github, as_json, as_text
from worker.route.inline import findings_of, run_tests
from worker.route.load import load
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
_TOLD_EVERY = 10_000
_MOST_MEGABYTES = 256
Change = Callable[[random.Random, bytes], bytes]


def shipped(lexicons: bool = False) -> dict[str, bytes]:
    """The shipped rules; without the lexicons, which are long and all alike."""
    skipped = () if lexicons else ("themes.yaml", "severity.yaml", "words.yaml")
    paths = [path for path in RULES.rglob("*") if path.is_file() and path.name not in skipped]
    files = {path.relative_to(RULES).as_posix(): path.read_bytes() for path in paths}
    files["routing.yaml"] = files["routing.yaml"].replace(b"include: [words.yaml]", b"")
    return files


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


def mutated(chance: random.Random, files: dict[str, bytes]) -> dict[str, bytes]:
    name = chance.choice([name for name in files if not name.startswith("sources/")])
    text = files[name]
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        text = chance.choice(_CHANGES)(chance, text)
    return {**files, name: text}


def survive(files: dict[str, bytes]) -> bool:
    """Load and use a set in every way; gives whether it was accepted. Raises whatever the program did not expect."""
    loaded = load(files, check_source=check_source)
    findings = loaded.findings
    if loaded.rule_set is None:
        assert findings, "refused without a word"
    else:
        _use(Decider(loaded.rule_set))
        findings += findings_of(run_tests(loaded.rule_set, classify))
    for line in [*as_text(findings), *as_github(findings)]:
        assert "\n" not in line and len(line) < 2000, line
    as_json(findings, "r")
    return loaded.rule_set is not None


def _use(decider: Decider) -> None:
    asked = response(2)
    decider.decide(asked, classify(asked), Facts(), NOW, has_address)
    decider.trace(asked, classify(asked), Facts(), NOW)
    for rule in (*decider.rule_set.rules, *decider.rule_set.also):
        assert sentence(rule)


def main(count: int, seed: int) -> None:
    accepted, files = 0, shipped()
    for n in range(count):
        changed = mutated(random.Random(seed + n), files)
        try:
            accepted += survive(changed)
        except Exception:
            sys.stdout.write(f"seed {seed + n} is not survived\n")
            raise
        if (n + 1) % _TOLD_EVERY == 0 or n + 1 == count:
            _tell(n + 1, seed, accepted)


def _tell(count: int, seed: int, accepted: int) -> None:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    assert most <= _MOST_MEGABYTES, f"{most} MB"
    sys.stdout.write(f"{count} mutations from seed {seed}: {accepted} accepted, the rest refused; at most {most} MB\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
