"""Tables at 80 and 100 columns, in pipes, and without colour."""

from __future__ import annotations

import pytest

from worker.cli import opening, output
from worker.cli.output import Column
from worker.errors import UsageError

COLUMNS = [
    Column("id", lambda row: row["id"]),
    Column("what", lambda row: row["what"], fold=True),
    Column("when", lambda row: row["when"], wide=True),
]
ROW = {"id": "d-0123456789", "what": "words " * 20, "when": "Mon 23 Nov, 12:00 CET"}


@pytest.fixture(params=[60, 80, 100])
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("COLUMNS", str(request.param))
    return int(request.param)


def test_a_table_fits_and_never_cuts_an_id(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    output.write_table(COLUMNS, [ROW], empty="")

    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= width
    assert "d-0123456789" in text
    assert text.count("words") == 20


def test_a_narrow_terminal_drops_what_is_marked(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    output.write_table(COLUMNS, [ROW], empty="")

    assert ("Mon 23 Nov" in capsys.readouterr().out) == (width >= 100)


def test_a_pipe_gets_everything(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)

    output.write_table(COLUMNS, [ROW], empty="")

    text = capsys.readouterr().out
    assert "Mon 23 Nov, 12:00 CET" in text
    assert "\x1b" not in text


def test_nothing_to_show_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    output.write_table(COLUMNS, [], empty="Every record could be read.")

    assert capsys.readouterr().out == "Every record could be read.\n"


@pytest.mark.parametrize(("text", "number"), [("42", 42), ("F-42", 42), ("f-42", 42)])
def test_an_id_may_be_written_as_people_see_it(text: str, number: int) -> None:
    assert opening.row_id(text) == number


@pytest.mark.parametrize("text", ["", "F-", "x", "-1", "4 2", "٤٢", "9" * 19])
def test_anything_else_is_no_id(text: str) -> None:
    with pytest.raises(UsageError, match="Write 42 or F-42"):
        opening.row_id(text)


def test_json_keeps_large_and_small_things(capsys: pytest.CaptureFixture[str]) -> None:
    output.write_json([{"text": "Größe „x“", "n": 2, "none": None}])

    assert capsys.readouterr().out == '[\n  {\n    "text": "Größe „x“",\n    "n": 2,\n    "none": null\n  }\n]\n'
