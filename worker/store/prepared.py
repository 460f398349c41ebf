"""Statements that run for every batch: compiled once, then handed straight to the driver.

For a batch of ten records, SQLAlchemy's way to the driver costs several times what the database does.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, Connection, Dialect, Integer, Select, Text, bindparam, cast, func, select
from sqlalchemy.sql.expression import Executable, SelectBase

from worker.store.engine import raw
from worker.store.types import encode_document

Convert = Callable[[Any], Any]


class _Compiled:
    """A statement in the words of one engine, with what its values need on the way in and out."""

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        self._sql = str(compiled)
        self._order: list[str] | None = compiled.positiontup  # None where values go by name
        self._fixed = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        self._in = _converters({name: bind.type for name, bind in compiled.binds.items()}, dialect, "bind_processor")
        columns: Any = statement.selected_columns if isinstance(statement, SelectBase) else {}
        self._row = namedtuple("Row", columns.keys(), rename=True)  # type: ignore[misc]
        types = {n: column.type for n, column in enumerate(columns.values())}
        self._out = _converters(types, dialect, "result_processor", None)

    def run(self, conn: Connection, values: Mapping[str, Any]) -> Any:
        """The driver's cursor."""
        ready = {**self._fixed, **values}
        for name, convert in self._in.items():
            ready[name] = convert(ready[name])
        return raw(conn).execute(self._sql, ready if self._order is None else [ready[name] for name in self._order])

    def read(self, found: tuple[Any, ...]) -> Any:
        """What the driver found, as a row with names."""
        row = list(found)
        for n, convert in self._out.items():
            row[n] = convert(row[n])
        return self._row(*row)


def _converters(types: Mapping[Any, Any], dialect: Dialect, way: str, *more: Any) -> dict[Any, Convert]:
    found = {key: getattr(kind.dialect_impl(dialect), way)(dialect, *more) for key, kind in types.items()}
    return {key: convert for key, convert in found.items() if convert is not None}


class Prepared:
    """One statement, in its form for either engine where the forms differ."""

    def __init__(self, statement: Executable, *, postgresql: Executable | None = None) -> None:
        self._statements = {"sqlite": statement, "postgresql": statement if postgresql is None else postgresql}
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, conn: Connection, **values: Any) -> list[Any]:
        """Everything it finds."""
        compiled = self._of(conn)
        return [compiled.read(row) for row in compiled.run(conn, values).fetchall()]

    def change(self, conn: Connection, **values: Any) -> int:
        """Run it for what it changes; gives how many rows that were."""
        count: int = self._of(conn).run(conn, values).rowcount
        return count

    def _of(self, conn: Connection) -> _Compiled:
        name = conn.dialect.name
        compiled = self._compiled.get(name)
        if compiled is None:
            compiled = self._compiled[name] = _Compiled(self._statements[name], conn.dialect)
        return compiled


# Pairs as a sub-query, so that one statement serves every number of them --------------------------------------------


def bind_pairs(conn: Connection, values: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Values for `pairs_postgresql` or `pairs_sqlite`."""
    if conn.dialect.name == "postgresql":
        left, right = [list(side) for side in zip(*values, strict=True)]
        return {"left": left, "right": right}
    return {"pairs": encode_document(values)}


def pairs_postgresql(right: type[Text | Integer]) -> Select[Any]:
    kinds = {"left": Text, "right": right}
    sides = [cast(bindparam(name, type_=ARRAY(kind)), ARRAY(kind)) for name, kind in kinds.items()]
    pairs = func.unnest(*sides).table_valued("a", "b").render_derived()
    return select(pairs.c.a, pairs.c.b)


def pairs_sqlite() -> Select[Any]:
    each = func.json_each(bindparam("pairs", type_=Text)).table_valued("value")
    return select(func.json_extract(each.c.value, "$[0]"), func.json_extract(each.c.value, "$[1]"))
