"""Cases of a public recogniser's tests: what must, and what must not, be taken for a kind of number."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from tests.support.shared import shared_dir
from worker.classify.found import Tag
from worker.classify.redact import redact

TAGS = {"CREDIT_CARD": Tag.CARD, "IBAN": Tag.IBAN, "EMAIL": Tag.EMAIL, "PHONE": Tag.PHONE}
NO_TAG = {"IP_ADDRESS"}  # an address of a machine names nobody here


def test_every_published_case_is_told_right(capsys: pytest.CaptureFixture[str]) -> None:
    lines = (shared_dir() / "vectors" / "pii_cases.jsonl").read_text(encoding="utf-8").splitlines()
    right: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    wrong = []
    for case in map(json.loads, lines):
        kind, wanted = case["checks"], len(case["entities"])
        if kind in NO_TAG:
            continue
        ok = redact(case["text"]).tags.count(TAGS.get(kind, Tag.ID)) == wanted
        at = 0 if wanted else 2
        right[kind][at] += ok
        right[kind][at + 1] += 1
        if not ok:
            wrong.append((case["id"], kind, case["text"]))
    with capsys.disabled():
        for kind, (found, of, left, out_of) in sorted(right.items()):
            print(f"\n{kind:16} found {found:2} of {of:2}, left alone {left:2} of {out_of:2}", end="")
    assert not wrong
