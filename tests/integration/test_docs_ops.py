"""The tutorial for ops people does what it says."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.documents import ROOT, Block, WorkingCopy, blocks, dense

TUTORIAL = list(blocks(ROOT / "docs" / "ops" / "tutorial.md"))
MISTAKES = [(wrong, said) for wrong, said in pairwise(TUTORIAL) if " wrong in " in wrong.info]
STORY = [block for block in TUTORIAL if not any(block in pair for pair in MISTAKES)]


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorkingCopy:
    monkeypatch.delenv("INNERLOOP_RULES_DIR", raising=False)
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    return WorkingCopy(tmp_path)


def test_every_block_of_the_tutorial_does_what_it_shows(copy: WorkingCopy) -> None:
    for block in STORY:
        copy.run(block)


def test_what_the_page_on_customers_shows_works(copy: WorkingCopy) -> None:
    shown = list(blocks(ROOT / "docs" / "ops" / "customers.md"))
    for block in [block for block in shown if not block.info.endswith("elsewhere")]:
        copy.run(block)


@pytest.mark.parametrize(("wrong", "said"), MISTAKES, ids=lambda block: f"line {block.line}")
def test_a_mistake_of_the_tutorial_gets_the_message_it_shows(copy: WorkingCopy, wrong: Block, said: Block) -> None:
    copy.spoil(wrong)
    printed = copy.innerloop("rules check")
    assert dense(said.text) in dense(printed), printed
    told = [line for line in printed.splitlines() if line.startswith("rules/")]
    assert len(told) == 1, "one mistake is one line"
