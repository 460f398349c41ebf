"""Documents whose blocks are run: what a fenced block says about itself, and what it does to a working copy.

```console            commands after "$ innerloop", and what they print; "…" stands for anything
```yaml in FILE       stands in the file, however it is indented
```yaml add to FILE before RULE | under LABEL | at the end
```yaml wrong in FILE the mistake; the ```text block after it is part of what `rules check` says
```json file FILE     is written to a file
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from worker.cli.main import main

ROOT = Path(__file__).parent.parent.parent
_FENCE = re.compile(r"^```(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """`info` is what stands behind the fence, `line` where the block begins."""

    info: str
    text: str
    line: int


def blocks(path: Path) -> Iterator[Block]:
    text = path.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        yield Block(match[1], match[2], text.count("\n", 0, match.start()) + 1)


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """A directory with a copy of the shipped rules, in which commands run."""

    home: Path

    def file(self, name: str) -> Path:
        return self.home / "rules" / name

    def run(self, block: Block) -> None:
        match block.info.split():
            case ["console"]:
                self._commands(block)
            case ["yaml", "in", name]:
                assert dense(block.text) in dense(self.file(name).read_text(encoding="utf-8")), f"not in {name}"
            case ["yaml", "add", "to", name, *where]:
                self.add(name, block.text, where)
            case ["json", "file", name]:
                (self.home / name).write_text(block.text, encoding="utf-8")
            case other:
                raise AssertionError(f"nothing is known about blocks of {other}")

    def add(self, name: str, text: str, where: list[str]) -> None:
        old = self.file(name).read_text(encoding="utf-8")
        match where:
            case ["at", "the", "end"]:
                new = f"{old}\n{text}"
            case ["before", rule]:
                new = old.replace(f"  - id: {rule}\n", f"{text}\n  - id: {rule}\n", 1)
            case ["under", label]:
                new = re.sub(
                    rf"(^  {label}:.*?en: \[\n)", rf"\g<1>{text}", old, count=1, flags=re.MULTILINE | re.DOTALL
                )
            case other:
                raise AssertionError(f"nowhere to add: {other}")
        assert new != old, f"nothing was added to {name}"
        self.file(name).write_text(new, encoding="utf-8")

    def spoil(self, block: Block) -> None:
        """Write the mistake of a `wrong in` block."""
        name = block.info.split()[-1]
        path = self.file(name)
        anchor = {"routing.yaml": "  - id: everything-else\n", "directory.yaml": "  complaints:\n"}[name]
        path.write_text(path.read_text(encoding="utf-8").replace(anchor, block.text + anchor, 1), encoding="utf-8")

    def innerloop(self, command: str) -> str:
        """What a command prints, messages included."""
        here = Path.cwd()
        os.chdir(self.home)
        try:
            return CliRunner(env={"COLUMNS": None}).invoke(main, shlex.split(command)).output
        finally:
            os.chdir(here)

    def _commands(self, block: Block) -> None:
        for part in block.text.split("$ innerloop ")[1:]:
            command, _, expected = part.partition("\n")
            printed = self.innerloop(command)
            assert matches(printed, expected), f"line {block.line}: innerloop {command} printed:\n{printed}"


def matches(printed: str, expected: str) -> bool:
    """Whether `printed` is what a document shows. A line that is only … stands for any number of lines."""
    lines = ["(?:.*\n)*?" if line == "…" else f"{_line(line)}\n" for line in expected.splitlines()]
    text = "".join(f"{line.rstrip()}\n" for line in printed.splitlines())
    return re.fullmatch("".join(lines) + "(?:.*\n)*?" * expected.endswith("…\n"), text) is not None


def _line(line: str) -> str:
    return ".*".join(re.sub(r"(?:\\ )+", r" +", re.escape(part)) for part in line.rstrip().split("…"))


def dense(text: str) -> str:
    """A text without what only lays it out."""
    return " ".join(text.split())
