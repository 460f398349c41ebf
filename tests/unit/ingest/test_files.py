"""Files as records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from worker.errors import UsageError
from worker.ingest.files import records
from worker.ingest.reader import Accepted, Dead, Reader

READER = Reader({}, b"k" * 32)


def read(path: Path) -> list[Any]:
    return [READER.read(record) for record in records(path, "old")]


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_each_line_of_jsonl_is_a_record_with_its_number(tmp_path: Path) -> None:
    line = json.dumps({"id": "r", "responded_at": "2026-11-20T15:29:00Z", "score": 1})
    found = list(records(written(tmp_path / "a.jsonl", f"{line}\n\n{line}\r\nnot json"), "old"))
    assert [(one.topic, one.partition, one.offset, one.how) for one in found] == [
        ("import:old", 0, 1, "import"), ("import:old", 0, 3, "import"), ("import:old", 0, 4, "import"),
    ]  # fmt: skip
    assert [type(READER.read(one)) for one in found] == [Accepted, Accepted, Dead]


def test_the_incarnation_is_the_file_and_its_content(tmp_path: Path) -> None:
    one, other = written(tmp_path / "a.jsonl", "{}"), written(tmp_path / "b.jsonl", "{} ")
    first = {next(records(path, "old")).incarnation for path in (one, one)}
    assert len(first) == 1
    assert next(iter(first)).startswith("a.jsonl:")
    assert first.isdisjoint({next(records(other, "old")).incarnation})


def test_a_csv_names_fields_with_dots_and_types_follow(tmp_path: Path) -> None:
    text = (
        "id,responded_at,score,comment,customer.id,customer.value.amount,customer.may_contact,answers.effort,extra\n"
        '7,2026-11-20T15:29:00Z,9.0,"two\nlines",00123,12.50,no,3,x\n'
        "8,2026-11-20T15:29:00Z,,fine,,,,,\n"
    )
    first, second = read(written(tmp_path / "a.csv", text))
    response = first.response
    assert (response.id, response.source, response.score, response.comment) == ("7", "old", 9, "two\nlines")
    assert (response.customer.id, str(response.customer.value.amount)) == ("00123", "12.50")
    assert (response.customer.may_contact, response.answers, first.unknown_keys) == (False, {"effort": 3}, ("extra",))
    assert (second.response.score, second.response.customer.key, second.origin.offset) == (None, None, 4)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiter_and_byte_order_mark_of_spreadsheets_are_read(tmp_path: Path, delimiter: str) -> None:
    rows = ["id,responded_at,score", "1,2026-11-20T15:29:00Z,5"]
    (found,) = read(written(tmp_path / "a.csv", "\ufeff" + "\n".join(rows).replace(",", delimiter)))
    assert found.response.score == 5


def test_a_cell_that_does_not_fit_is_a_dead_letter(tmp_path: Path) -> None:
    (found,) = read(written(tmp_path / "a.csv", "id,responded_at,score\n1,2026-11-20T15:29:00Z,five"))
    assert (found.reason, found.origin.offset) == ("wrong_type", 2)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"a,b\n1,2", "id and responded_at"),
        ("a.csv", b"", "id and responded_at"),
        ("a.csv", b"id,responded_at,comment\n1,2,\xff", "UTF-8"),
        ("a.csv", b'id,responded_at\n"1"x,2', "CSV"),
        ("missing.jsonl", None, "cannot be read"),
    ],
)
def test_a_file_that_is_neither_says_what_to_do(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    path = tmp_path / name
    if content is not None:
        written(path, content)
    with pytest.raises(UsageError, match=says):
        read(path)


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, float]] = []
    path = written(tmp_path / "a.jsonl", "{}\n" * 1200)
    assert sum(1 for _ in records(path, "old", lambda count, share: told.append((count, share)))) == 1200
    assert [count for count, _ in told] == [500, 1000, 1200]
    assert told[-1][1] == 1.0
