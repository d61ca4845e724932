"""The parts that reports of training are made of: one HTML page that needs nothing else."""

from collections.abc import Iterable, Sequence
from html import escape

from streams.text_safety import harmless

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
table {{ border-collapse: collapse; margin: 1rem 0; }}
th, td {{ padding: .3rem .8rem; text-align: left; border-bottom: 1px solid #ddd; overflow-wrap: anywhere; }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }}
tr.chosen td {{ font-weight: 600; background: #eef6fa; }}
.plots {{ display: flex; flex-wrap: wrap; gap: 1.5rem; }}
figure {{ margin: 0; max-width: 100%; }}
figure svg {{ max-width: 100%; height: auto; }}
figcaption {{ font-weight: 600; }}
.verdict {{ font-size: 1.15rem; border-left: .3rem solid {colour}; padding-left: .8rem; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""
_GOOD, _BAD = "#2a7f3f", "#b3541e"


def page(title: str, body: Iterable[str], *, is_good: bool) -> str:
    """Put a page together; `body` is HTML, `title` anything."""
    return _PAGE.format(title=safe(title), colour=_GOOD if is_good else _BAD, body="\n".join(body))


def safe(text: str) -> str:
    """Escape what strangers have written."""
    return escape(harmless(text, longest=2000))


def figure(caption: str, drawing: str) -> str:
    """A drawing (SVG) with words above it (HTML)."""
    return f"<figure><figcaption>{caption}</figcaption>{drawing}</figure>"


def table(heads: Sequence[str], lines: Sequence[Sequence[str]], *, marked: int = -1) -> str:
    """A table of texts, one line marked."""
    rows = (f"<tr{' class=chosen' if place == marked else ''}>{cells(line)}</tr>" for place, line in enumerate(lines))
    return f"<table>{head(heads)}<tbody>{''.join(rows)}</tbody></table>"


def head(heads: Sequence[str]) -> str:
    """The first line of a table."""
    return f"<thead><tr>{''.join(f'<th>{escape(head)}</th>' for head in heads)}</tr></thead>"


def cells(line: Sequence[str]) -> str:
    """The cells of one line, numbers to the right."""
    return "".join(f"<td{_number_class(cell)}>{escape(cell)}</td>" for cell in line)


def _number_class(cell: str) -> str:
    return ' class="number"' if cell[:1].isdigit() or cell[:1] == "-" else ""
