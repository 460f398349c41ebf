"""A file of events as records: JSONL, one value a line, or CSV, whose header names our event's fields.

A record of a file is topic `import:NAME`, partition 0; its incarnation is the file's name and a hash of its content,
its offset the number of the line where it begins. So the same file imported twice gives the same coordinates.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from worker.errors import UsageError
from worker.ingest.decode import number
from worker.ingest.event import BOOLEANS, NUMBERS
from worker.ingest.records import Record
from worker.model.response import Json

_EVERY = 500  # records between two calls of `progress`
_DELIMITERS = ",;\t"
_LARGEST_CELL = 10 * 1024 * 1024
_NUMERIC = re.compile(r"[+-]?\d+(\.\d+)?")
_YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_encode = msgspec.json.Encoder(decimal_format="number").encode

Progress = Callable[[int, float], None]  # records so far, share of the file from 0 to 1


def records(path: Path, source: str, progress: Progress | None = None) -> Iterator[Record]:
    """Every line or row as a record. Raises UsageError for a file that cannot be read or is neither JSONL nor CSV."""
    size, incarnation = _look(path)
    rows = _csv(path) if path.suffix.lower() in (".csv", ".tsv") else _lines(path)
    done, count = 0, 0
    for line, value in rows:
        yield Record(
            topic=f"import:{source}", partition=0, offset=line, incarnation=incarnation, value=value, how="import"
        )  # fmt: skip
        done, count = done + len(value), count + 1
        if progress and count % _EVERY == 0:
            progress(count, min(done / size, 1.0))
    if progress:
        progress(count, 1.0)


def _look(path: Path) -> tuple[int, str]:
    """The file's size, at least 1, and its incarnation."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return max(path.stat().st_size, 1), f"{path.name}:{digest[:16]}"
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from None


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        for n, line in enumerate(file, 1):
            if line.strip():
                yield n, line.strip()


def _csv(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            csv.field_size_limit(_LARGEST_CELL)  # too large a cell is one dead letter, not the end of the import
            first = file.readline()
            delimiter = max(_DELIMITERS, key=first.count)
            header = _header(next(csv.reader([first], delimiter=delimiter), []), path)
            yield from _rows(csv.reader(file, delimiter=delimiter, strict=True), header)
        except UnicodeDecodeError as error:
            raise UsageError(f"{path} is not UTF-8 ({error.reason}). Save it as UTF-8.") from None
        except csv.Error as error:
            raise UsageError(f"{path} cannot be read as CSV: {error}.") from None


def _header(names: Sequence[str], path: Path) -> list[str]:
    header = [name.strip() for name in names]
    if "id" not in header or "responded_at" not in header:
        raise UsageError(
            f"{path}: the first line must name the event's fields, at least id and responded_at; "
            "nested ones with dots, such as customer.id."
        )
    return header


def _rows(rows: Any, header: Sequence[str]) -> Iterator[tuple[int, bytes]]:
    begins = 2
    for row in rows:
        if any(cell.strip() for cell in row):
            yield begins, _encode(event_of(header, row))
        begins = rows.line_num + 2  # the reader has not seen the header


def event_of(header: Sequence[str], row: Sequence[str]) -> dict[str, Json]:
    """One row as our event. Blank cells are absent; what does not fit its field stays text, for the reader to judge."""
    event: dict[str, Json] = {}
    for name, cell in zip(header, row, strict=False):
        if name and cell.strip():
            _put(event, name, _typed(name, cell.strip()))
    return event


def _typed(name: str, cell: str) -> Json:
    if name in BOOLEANS:
        return _YES_NO.get(cell.lower(), cell)
    if (name in NUMBERS or name.startswith("answers.")) and _NUMERIC.fullmatch(cell):
        return number(cell)
    return cell


def _put(event: dict[str, Json], name: str, value: Json) -> None:
    *parents, last = name.split(".")
    for parent in parents:
        inner = event.setdefault(parent, {})
        if not isinstance(inner, dict):
            return  # `customer` and `customer.id` in one header: the first one stands
        event = inner
    event[last] = value
