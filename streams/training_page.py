"""The parts that reports of training are made of: one HTML page that needs nothing else."""

from collections.abc import Collection, Iterable, Sequence
from html import escape

from schemas.event import VideoId
from streams.sources.urls import page_of
from streams.text_safety import harmless

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{title}</title>
<style>
/* Colours by name, so that the dark ones stand beside the light ones; drawings keep their white paper. */
:root {{ color-scheme: light dark; --ink: #222; --paper: #fff; --line: #ddd; --chosen: #eef6fa; --link: #0a5a8a;
  --good: #2a7f3f; --bad: #b3541e; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e4e6e8; --paper: #15181b; --line: #3a4046; --chosen: #1d323d;
  --link: #7cc0ea; --good: #5cbf76; --bad: #e58a55; }} }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 66rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink);
  background: var(--paper); overflow-wrap: break-word; }}
a {{ color: var(--link); }}
.wide {{ overflow-x: auto; margin: 1rem 0; }}
table {{ border-collapse: collapse; }}
th, td {{ padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }}
th:first-child, td:first-child {{ min-width: 9rem; max-width: 26rem; padding-left: .4rem; overflow-wrap: anywhere; }}
th.number, td.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
td.number, td.number small {{ white-space: nowrap; }}
td.number small {{ display: block; opacity: .75; }}
tr.chosen td {{ font-weight: 600; background: var(--chosen); }}
.plots {{ display: flex; flex-wrap: wrap; gap: 1.5rem; }}
figure {{ margin: 0; max-width: 100%; }}
.plots figure {{ width: 24rem; display: flex; flex-direction: column; justify-content: space-between; }}
figure svg {{ max-width: 100%; height: auto; background: #fff; border-radius: .3rem; }}
figcaption {{ font-weight: 600; margin-bottom: .3rem; }}
.verdict {{ font-size: 1.15rem; border-left: .3rem solid var(--{colour}); padding-left: .8rem; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""
_GOOD, _BAD = "good", "bad"


def page(title: str, body: Iterable[str], *, is_good: bool) -> str:
    """Put a page together; `body` is HTML, `title` anything."""
    return _PAGE.format(title=safe(title), colour=_GOOD if is_good else _BAD, body="\n".join(body))


def safe(text: str) -> str:
    """Escape what strangers have written."""
    return escape(harmless(text, longest=2000))


def video_link(video_id: VideoId, title: str) -> str:
    """A video's title, linked to where it is watched if anybody can tell."""
    words, address = safe(title or video_id), page_of(video_id)
    return f'<a href="{escape(address)}" rel="noopener noreferrer">{words}</a>' if address else words


def figure(caption: str, drawing: str) -> str:
    """A drawing (SVG) with words above it (HTML)."""
    return f"<figure><figcaption>{caption}</figcaption>{drawing}</figure>"


def table(heads: Sequence[str], lines: Sequence[Sequence[str]], *, marked: int = -1) -> str:
    """A table of texts, one line marked."""
    rows = (f"<tr{' class=chosen' if place == marked else ''}>{cells(line)}</tr>" for place, line in enumerate(lines))
    return scrolled(heads, rows, numbers=range(1, len(heads)))


def scrolled(heads: Sequence[str], rows: Iterable[str], *, numbers: Collection[int]) -> str:
    """A table of rows (HTML) that a narrow window moves sideways, instead of breaking its words."""
    named = "".join(
        f"<th{' class=number' if place in numbers else ''}>{escape(head)}</th>" for place, head in enumerate(heads)
    )
    body = f"<thead><tr>{named}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f'<div class="wide" tabindex="0"><table>{body}</table></div>'


def cells(line: Sequence[str]) -> str:
    """The cells of one line, numbers to the right."""
    return "".join(_cell(cell) for cell in line)


def _cell(cell: str) -> str:
    """A number stands to the right, what is in brackets after it on a line of its own."""
    if not (cell[:1].isdigit() or cell[:1] == "-"):
        return f"<td>{escape(cell)}</td>"
    number, bracket, interval = escape(cell).partition(" (")
    return f'<td class="number">{number}{f" <small>({interval}</small>" if bracket else ""}</td>'
