"""Declare tables: columns with types, units and meanings, written once and used everywhere.

Files, validation, documentation and tests read the same `Table` objects.
"""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: its name.
        type: as `arrow_type` takes it.
        unit: of its values; "" for none.
        meaning: of its values, as a phrase.
        nullable: whether values may be missing.
        added: whether files of earlier versions may lack the column; it then reads as 0 or empty.
        before: as what it then reads instead; "=NAME" for what another column has.
    """

    name: str
    type: str
    unit: str
    meaning: str
    nullable: bool = False
    added: bool = False
    before: str = ""

    @property
    def default(self) -> str | int | bool:
        """The value in files that lack the column, unless it is that of another column."""
        if self.type == "string":
            return self.before
        return int(self.before or 0) if self.type != "bool" else False

    def value_in(self, row: Mapping[str, Any]) -> Any:
        """The value of a row.

        Raises:
            KeyError: it has none, and must have one.
        """
        if self.nullable:
            return row.get(self.name)
        if not self.added or self.name in row:
            return row[self.name]
        return row[self.before[1:]] if self.before.startswith("=") else self.default


def arrow_type(name: str) -> "pa.DataType":
    """The Arrow type of a name such as "int32", "string" or "list<int32>"."""
    import pyarrow as pa

    if name.startswith("list<"):
        return pa.list_(pa.field("element", arrow_type(name[len("list<") : -1])))
    return pa.type_for_alias(name)


@dataclass(frozen=True, slots=True)
class Table:
    """A table with typed columns.

    Attributes:
        name: its name.
        meaning: of its rows, as a phrase.
        key: the columns that its rows are sorted by and unique in.
        columns: its columns, in order.
        added: whether datasets of earlier versions may lack the table.
    """

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    added: bool = False

    @property
    def names(self) -> list[str]:
        """The column names in order."""
        return [column.name for column in self.columns]

    def arrow_schema(self) -> "pa.Schema":
        """The Arrow schema, with each column's unit and meaning as field metadata."""
        import pyarrow as pa

        return pa.schema(
            [
                pa.field(
                    c.name,
                    arrow_type(c.type),
                    nullable=c.nullable,
                    metadata={"unit": c.unit, "meaning": c.meaning},
                )
                for c in self.columns
            ],
            metadata={"msmdtools.table": self.name},
        )

    def completed(self, rows: "pa.Table") -> "pa.Table":
        """Rows of an earlier version's file with the columns that were added since (`Column.before`)."""
        import pyarrow as pa

        schema = self.arrow_schema()
        for position, column in enumerate(self.columns):
            if column.added and column.name not in rows.column_names:
                kind = schema.field(position).type
                if column.before.startswith("="):
                    values = rows[column.before[1:]].cast(kind)
                else:
                    values = pa.repeat(column.default, rows.num_rows).cast(kind)
                rows = rows.add_column(position, schema.field(position), values)
        return rows

    def from_rows(self, rows: Iterable[Mapping[str, Any]]) -> "pa.Table":
        """Make an Arrow table of `rows` in the given order; columns that were `added` may be missing.

        Raises:
            pyarrow.ArrowException: a value does not fit its column's type.
            KeyError: a row lacks another column that is not nullable.
        """
        import pyarrow as pa

        schema = self.arrow_schema()
        remaining = iter(rows)
        # Rows take ten times the memory of their columns: never all at once.
        parts = []
        while part := list(itertools.islice(remaining, _ROWS)):
            arrays: list[Any] = []
            for c in self.columns:
                values = [c.value_in(row) for row in part]
                arrays.append(pa.array(values, type=arrow_type(c.type)))
            parts.append(pa.table(arrays, schema=schema))
        return pa.concat_tables(parts).combine_chunks() if parts else schema.empty_table()
