"""Tables as plain text: every column as wide as its widest cell, so that nothing is cut off or broken."""

from collections.abc import Sequence

GAP = "  "


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay cells out in columns, by how wide a terminal shows them.

    >>> print(aligned(("id", "name"), [("1", "Ada"), ("12", "")]))
    id  name
    1   Ada
    12
    """
    from rich.cells import cell_len

    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        GAP.join(cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
