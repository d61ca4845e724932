"""Views on a terminal: a live table, and a prediction as a panel a person can read."""

from collections.abc import Iterator, Mapping

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from schemas.predictions import VideoScored
from streams.board import Board, VideoView
from streams.showing_classes import chances, in_short
from streams.text_safety import harmless
from streams.topology import STAGES, writers

BAR_WIDTH = 12
LONGEST_TITLE = 22
SCALE_WIDTH = 44
MOST_ROWS = 20
LONGEST_SUGGESTION = 400
_MARKS: Mapping[str, tuple[str, str]] = {
    "waiting": ("·", "dim"),
    "running": ("▸", "cyan"),
    "done": ("✓", "green"),
    "known": ("✓", "dim"),
    "duplicate": ("=", "dim"),
    "failed": ("✗", "red"),
    "refused": ("✗", "red"),
}
"""A stage's state as one character and its style."""
_TELLING = writers("progress")
"""The stages that say how far they are."""


def table(board: Board) -> RenderableType:
    """All videos as rows with a bar and a mark for each stage; the newest when there are too many for a screen."""
    rows = Table(expand=False, pad_edge=False, box=None, padding=(0, 1, 0, 0))  # fits 80 columns
    rows.add_column("video", no_wrap=True, max_width=LONGEST_TITLE)
    rows.add_column("", width=BAR_WIDTH)
    rows.add_column("stages", no_wrap=True)
    rows.add_column("prediction", no_wrap=True, min_width=20)
    views = list(board.videos.values())
    running = [v for v in views if not v.is_finished]
    shown = (running or views)[-MOST_ROWS:]
    for view in shown:
        rows.add_row(*_row(view))
    notes = [Text(f"  {harmless(v.video_id)}: {harmless(n)}", style="yellow") for v in shown for n in _notes(v)]
    done = len(views) - len(running)
    return Group(rows, *notes, Text(f"{done} of {len(views)} finished", style="dim"))


def panel(view: VideoView) -> RenderableType:
    """One video with all that was predicted, and what that rests on."""
    parts: list[RenderableType] = [_facts(view)]
    parts += [block for _, p in sorted(view.predictions.items()) for block in _prediction(p, view)]
    if not view.predictions:
        parts.append(Text(harmless(view.problem) if view.problem else "no prediction yet", style="yellow"))
    parts += [Text(f"warning: {harmless(w)}", style="yellow") for w in view.warnings]
    title = harmless(view.title or view.video_id, longest=80)
    return Panel(Group(*parts), title=Text(title, style="bold"), expand=False, padding=(1, 2))


def _row(view: VideoView) -> list[RenderableType]:
    name = Text(harmless(view.title or view.video_id, longest=LONGEST_TITLE))
    marks = Text.assemble(*(_mark(view, stage) for stage in _TELLING), " ", _now(view))
    return [name, _bar(view), marks, Text(", ".join(_short(p) for p in view.predictions.values()))]


def _bar(view: VideoView) -> ProgressBar:
    share = 1.0 if view.is_finished else sum(_share(view, stage) for stage in _TELLING) / len(_TELLING)
    return ProgressBar(total=1.0, completed=share, width=BAR_WIDTH)


def _share(view: VideoView, stage: str) -> float:
    """How much of a stage's work is done, in [0, 1]; what it cannot know counts as nothing."""
    seen = view.stages.get(stage)
    if seen is None:
        return 0.0
    if seen.last.state != "running":
        return 1.0
    return min(1.0, seen.last.done / seen.last.total) if seen.last.total else 0.0


def _mark(view: VideoView, stage: str) -> tuple[str, str]:
    seen = view.stages.get(stage)
    return _MARKS[seen.last.state] if seen else ("·", "dim")


def _now(view: VideoView) -> str:
    """The first stage that is at work, or how it ended badly."""
    for stage in STAGES:
        seen = view.stages.get(stage.name)
        if seen and seen.last.state in ("failed", "refused"):
            return f"{stage.name} {seen.last.state}"
        if seen and seen.last.state == "running" and not view.is_finished:
            return f"{stage.name} {_share(view, stage.name):.0%}"
    return ""


def _notes(view: VideoView) -> tuple[str, ...]:
    return (*([view.problem] if view.problem else ()), *view.warnings)


def _short(p: VideoScored) -> str:
    partial = "" if p.stage == "final" else " so far"
    if p.classes:
        return f"{in_short(p)}{partial}"
    return f"{p.target} {p.value:.0f} [{p.interval.low:.0f}-{p.interval.high:.0f}]{partial}"


def _facts(view: VideoView) -> Text:
    media = view.media
    if media is None:
        return Text(view.video_id, style="dim")
    if media.is_described:
        return Text(f"{view.video_id}   known by a row of a table", style="dim")
    size = f"{media.width_px}x{media.height_px}, " if media.has_video else ""
    return Text(f"{view.video_id}   {media.duration_s:.0f} s, {size}{media.size_bytes / 1e6:.1f} MB", style="dim")


def _prediction(p: VideoScored, view: VideoView) -> list[RenderableType]:
    blocks = list(chances(p, view.segments.values())) if p.classes else _number(p)
    blocks += [Text(f"on channels never seen, {worth}", style="dim") for worth in _worth(p)]
    blocks += _reasons(p)
    blocks += [] if p.classes else changeable(p)
    blocks.append(Text(f"read {', '.join(p.modalities_used) or 'nothing'}; release {p.release_id}", style="dim"))
    blocks += [Text(f"missing {name}: {harmless(why)}", style="yellow") for name, why in p.modalities_missing.items()]
    return blocks + [Text(f"note: {harmless(c, longest=300)}", style="yellow") for c in p.caveats]


def number(p: VideoScored) -> Text:
    """A prediction of one number on a line."""
    return Text.assemble(
        (p.target.replace("_", " "), "bold"),
        f"  {p.value:.1f} {p.unit}",
        (f"   {p.interval.level:.0%} interval {p.interval.low:.1f} to {p.interval.high:.1f}", "cyan"),
    )


def changeable(p: VideoScored) -> list[Text]:
    """What a creator might change, where the score is low and videos like this one tell."""
    lines = [Text(f"  {harmless(words, longest=LONGEST_SUGGESTION)}", style="green") for words in p.suggestions]
    return [Text("what might be changed:"), *lines] if lines else []


def _number(p: VideoScored) -> list[RenderableType]:
    blocks: list[RenderableType] = [Text(""), number(p), _scale(p)]
    if p.probability is not None:
        blocks.append(Text(f"{p.probability:.0%} chance: {p.probability_of}"))
    return blocks


def _worth(p: VideoScored) -> Iterator[str]:
    """What the release's intervals and probabilities were worth."""
    if p.coverage is not None:
        yield f"the interval held the truth in {p.coverage:.0%} of cases"
    if p.calibration_error is not None:
        yield f"chances were {p.calibration_error * 100:.1f} points off on average"


def _scale(p: VideoScored) -> Text:
    """A line with the interval, the value (●) and what a constant would say (│)."""
    low, high = _ends(p)

    def column(value: float) -> int:
        return min(SCALE_WIDTH, max(0, round((value - low) / (high - low) * SCALE_WIDTH)))

    line = ["·"] * (SCALE_WIDTH + 1)
    for i in range(column(p.interval.low), column(p.interval.high) + 1):
        line[i] = "━"
    line[column(p.constant)] = "│"
    line[column(p.value)] = "●"
    return Text(f"{low:g} {''.join(line)} {high:g}   (│ constant: {p.constant:.1f})", style="cyan")


def _ends(p: VideoScored) -> tuple[float, float]:
    """0 to 100 for what looks like a percentage, else a little more than the interval."""
    shown = (p.interval.low, p.interval.high, p.value, p.constant)
    if min(shown) >= 0 and 10 < max(shown) <= 100:
        return 0.0, 100.0
    margin = (max(shown) - min(shown)) * 0.1 or 1.0
    return round(min(shown) - margin, 1), round(max(shown) + margin, 1)


def _reasons(p: VideoScored) -> list[Text]:
    """Chances are told in points; of classes they are those of the likeliest."""
    if not p.classes:
        return [_reason(r.words, r.contribution) for r in p.reasons]
    lines = [_reason(r.words, r.contribution * 100) for r in p.reasons]
    return [Text(f"why {harmless(p.probability_of)}, in points:"), *lines] if lines else []


def _reason(words: str, contribution: float) -> Text:
    style = "green" if contribution > 0 else "red"
    return Text.assemble((f"  {contribution:+6.1f}  ", style), harmless(words))
