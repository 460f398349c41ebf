"""What the documentation takes from the code is what the code says now; and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.support.scripts import script
from tests.support.shared import ROOT
from worker.followup.lifecycle import MOVES
from worker.settings import PREFIX, Settings

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("name", list(script("docs/generate.py").PAGES))
def test_a_page_made_from_the_code_is_up_to_date(name: str) -> None:
    made = script("docs/generate.py").PAGES[name]()
    assert made == (ROOT / name).read_text(encoding="utf-8"), "run `make docs` and commit what it wrote"


def test_every_move_is_drawn() -> None:
    text = (DOCS / "lifecycle.md").read_text(encoding="utf-8")
    for move, rule in MOVES.items():
        for source in rule.sources if rule.target else ():
            assert f"    {source.value} --> {rule.target.value}: {move.value}\n" in text  # type: ignore[union-attr]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if not re.match(r"https?://|mailto:|#", link):
            target = page.parent / link.partition("#")[0]
            assert target.exists(), f"{link} in {page.relative_to(ROOT)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_a_page_names_settings_that_exist(page: Path) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {PREFIX + "CONFIG"}
    for name in re.findall(r"INNERLOOP_[A-Z_]+[A-Z]", page.read_text(encoding="utf-8")):
        assert name.removesuffix("_FILE") in known, name


def test_every_page_of_the_menu_exists_and_every_guide_is_in_it() -> None:
    text = re.sub(r"!!python/name:\S+", "null", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    named = set(re.findall(r"[\w./-]+\.md", yaml.safe_dump(yaml.safe_load(text)["nav"])))
    assert {name for name in named if not (DOCS / name).exists()} == set()
    inner = {"adr", "runbooks"}
    guides = {page.relative_to(DOCS).as_posix() for page in PAGES if not inner & set(page.parts)}
    assert guides - named == set()


def test_words_for_the_tests_behind_a_fence_are_a_title_for_the_reader() -> None:
    shown = script("docs/fences.py").on_page_markdown(
        "```yaml add to routing.yaml at the end\n```\n```sh\n```\n```sh run\n```\n```toml file x.toml\n```\n"
    )
    fences = [line for line in shown.splitlines() if line.startswith("```") and line != "```"]
    assert fences == ['```yaml title="add to routing.yaml at the end"', "```sh", "```sh", '```toml title="x.toml"']
