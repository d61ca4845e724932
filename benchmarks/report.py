"""How every benchmark says what it measured: a table for people, one JSON line for programs."""

import json
from collections.abc import Mapping, Sequence

Cell = str | int | float | bool | None


def report(title: str, rows: Sequence[Mapping[str, Cell]], *, as_json: bool = False) -> None:
    """Print rows of measurements; the columns are the keys of the first row, units in their names.

    Parameters
    ----------
    title : str
        The question that was measured.
    rows : sequence of mappings
        One measurement each. Give a ratio to a limit or to a peer of the same run where there is
        one: seconds say little about another machine.
    as_json : bool
        One line ``{"title": ..., "rows": [...]}`` in place of the table.

    >>> report("speed", [{"what": "encode", "us_per_event": 4.25}])
    speed
    what    us_per_event
    encode          4.25
    """
    if as_json:
        print(json.dumps({"title": title, "rows": [dict(row) for row in rows]}))
        return
    print(title)
    for line in _table(rows):
        print(line.rstrip())


def _table(rows: Sequence[Mapping[str, Cell]]) -> list[str]:
    columns = list(rows[0]) if rows else []
    cells = [columns, *([_written(row.get(column)) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    numeric = [rows and isinstance(rows[0][column], int | float) for column in columns]
    return [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        )
        for line in cells
    ]


def _written(cell: Cell) -> str:
    if cell is None:
        return "-"
    return f"{cell:,.4g}" if isinstance(cell, float) else str(cell)
