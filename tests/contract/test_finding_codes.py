"""The catalogue of findings: each code has an entry, each entry's wrong example gives its code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import worker.route
from tests.support.rule_sets import SMALLEST, classify
from worker.ingest.sources import check_source
from worker.route.codes import CODES, Code
from worker.route.findings import Finding, Level
from worker.route.inline import findings_of, run_tests
from worker.route.load import load

# These need something beside the wrong file.
_BESIDE = {
    "E133": {"playbooks.yaml": "format: 1\nplaybooks: {p: {name: P, owner: manager, due: 1 day, private: yes}}\n"},
    "W203": {},
}


def _findings(code: Code) -> tuple[Finding, ...]:
    files = {name: text.encode() for name, text in {**SMALLEST, **_BESIDE.get(code.code, {})}.items()}
    files.pop(code.file, None)
    if code.wrong is not None:
        files[code.file] = code.wrong.encode("latin-1")
    result = load(files, check_source=check_source)
    failed = findings_of(run_tests(result.rule_set, classify)) if result.rule_set else ()
    return (*result.findings, *failed)


@pytest.mark.parametrize("code", list(CODES.values()), ids=lambda code: code.code)
def test_the_wrong_example_gives_its_code_and_nothing_else(code: Code) -> None:
    assert [finding.code for finding in _findings(code)] == [code.code]


@pytest.mark.parametrize("code", list(CODES.values()), ids=lambda code: code.code)
def test_a_finding_says_where_what_and_how_to_mend_it_in_one_line(code: Code) -> None:
    finding = _findings(code)[0]
    assert finding.file == f"rules/{code.file}"
    assert finding.line >= 1 and finding.column >= 1
    assert finding.level is (Level.ERROR if code.is_error else Level.WARNING)
    assert finding.message and finding.fix
    assert "\n" not in finding.text and len(finding.text) < 400


def test_every_code_in_the_program_has_an_entry() -> None:
    used: set[str] = set()
    for path in Path(worker.route.__path__[0]).glob("*.py"):
        if path.name != "codes.py":
            used |= set(re.findall(r'"([EW]\d{3})"', path.read_text("utf-8")))
    assert used == set(CODES)


@pytest.mark.parametrize("code", list(CODES.values()), ids=lambda code: code.code)
def test_an_entry_says_what_why_and_how_in_sentences(code: Code) -> None:
    assert code.what.endswith(".") and code.why.endswith(".") and code.fix
