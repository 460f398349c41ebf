"""Cases of a public recogniser's tests: what must, and what must not, be taken for a kind of number."""

from __future__ import annotations

import json

from tests.support.shared import shared_dir
from worker.classify.found import Tag
from worker.classify.redact import redact

TAGS = {"CREDIT_CARD": Tag.CARD, "IBAN": Tag.IBAN, "EMAIL": Tag.EMAIL, "PHONE": Tag.PHONE}
NO_TAG = {"IP_ADDRESS"}  # the address of a machine names nobody here


def test_every_published_case_is_told_right() -> None:
    lines = (shared_dir() / "vectors" / "pii_cases.jsonl").read_text(encoding="utf-8").splitlines()
    wrong = []
    for case in map(json.loads, lines):
        found = redact(case["text"]).tags.count(TAGS.get(case["checks"], Tag.ID))
        if case["checks"] not in NO_TAG and found != len(case["entities"]):
            wrong.append((case["id"], case["checks"], case["text"]))
    assert not wrong
