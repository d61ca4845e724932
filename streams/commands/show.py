"""``groundswell show VIDEO_ID``: what was seen, heard and said in a video, when, and what follows from it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from streams import settings as settings_module
from streams.text_safety import harmless

if TYPE_CHECKING:
    from rich.console import RenderableType

    from streams.video_record import ShownAnswer, ShownLabel, ShownSegment, ShownVideo, Stretch

MOST_TIMES = 4
"""Stretches of time that fit on a line."""

MODALITY_WIDTH = 10

ABOUT_SUGGESTIONS = "suggestions "
"""How a caveat begins that is about them; the others are for `watch`."""

MOST_WORDS = 300
"""Characters of a segment's words."""


def show(
    video_id: Annotated[str, typer.Argument(help="As `groundswell submit` and `watch` print it.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show what was recognised in a video and when, with a picture for each label, the words of each segment, and in
    short what is predicted and what might be changed.

    groundswell show youtube:dQw4w9WgXcQ
    """
    import msgspec
    from rich.console import Console

    from streams.kafka.connection import bootstrap_of
    from streams.keyframes import FOLDER, Keyframes
    from streams.people import everyone
    from streams.video_record import people_in, read_record, shown
    from streams.world import open_media

    settings = settings_module.load()
    bootstrap = bootstrap_of(settings)
    record = read_record(settings, bootstrap, video_id)
    # Names live with the gallery alone; it is only read for a video that somebody was recognised in.
    named = everyone(settings, bootstrap) if people_in(record) else []
    names = {person.identity_id: person.name for person in named if person.name}
    video = shown(record, Keyframes(open_media(settings), settings.home / FOLDER), names)
    if as_json:
        typer.echo(msgspec.json.encode(video))
        return
    console = Console(soft_wrap=True)
    for part in page(video):
        console.print(part)


def page(video: "ShownVideo") -> "Iterator[RenderableType]":
    """Lay a video out for a terminal, part by part."""
    from rich.text import Text

    yield Text(harmless(video.title or video.video_id, longest=120), style="bold")
    size = f"{video.duration_s:.1f} s, {len(video.segments)} segments"
    yield Text(f"{video.video_id}   {'known by a row of a table' if video.is_described else size}", style="dim")
    if video.duplicate_of:
        yield Text(f"a copy; see: groundswell show {video.duplicate_of}", style="yellow")
    if not (video.is_described and not video.labels):
        yield from _labels(video)
    for modality, line in _coverage(video):
        yield Text.assemble((f"{modality:<{MODALITY_WIDTH}}", "bold"), line)
    for modality, answer in video.whole.items():
        if answer.absent_reason:
            yield Text(f"{modality} of the whole video: {harmless(answer.absent_reason)}", style="yellow")
    for segment in video.segments:
        yield from _segment(segment, video.people)
    yield from _predicted(video)


def _predicted(video: "ShownVideo") -> "Iterator[RenderableType]":
    """In short; `watch` has the reasons."""
    from rich.text import Text

    from streams.showing import changeable, number
    from streams.showing_classes import in_short

    for scored in video.predictions:
        yield Text("")
        yield Text(in_short(scored)) if scored.classes else number(scored)
        yield from () if scored.classes else changeable(scored)
        doubts = (caveat for caveat in scored.caveats if scored.suggestions and caveat.startswith(ABOUT_SUGGESTIONS))
        yield from (Text(f"note: {harmless(doubt, longest=300)}", style="yellow") for doubt in doubts)
    if video.predictions:
        yield Text(f"reasons and doubts: groundswell watch {video.video_id}", style="dim")


def _labels(video: "ShownVideo") -> "Iterator[RenderableType]":
    from rich.text import Text

    if not video.labels:
        yield Text("\nnothing recognised", style="yellow")
        return
    yield Text("\nrecognised", style="bold")
    names = [_called(label.name, video.people) for label in video.labels]
    name_width = max(map(len, names))
    for label, name in zip(video.labels, names, strict=True):
        line = Text(f"  {label.score:4.2f}  {label.modality:<{MODALITY_WIDTH}}{name:<{name_width}}  {_times(label)}")
        yield line.append(f"  {label.keyframe or 'no picture kept'}", style="dim")
    yield Text("")


def _called(name: str, people: Mapping[str, str]) -> str:
    return harmless(people.get(name, name))


def _times(label: "ShownLabel") -> str:
    times = ", ".join(map(_stretch, label.times[:MOST_TIMES]))
    more = len(label.times) - MOST_TIMES
    return f"{times} s" + (f" and {more} more" if more > 0 else "")


def _stretch(stretch: "Stretch") -> str:
    start, end = f"{stretch.start_s:.1f}", f"{stretch.end_s:.1f}"
    return start if start == end else f"{start}-{end}"


def _coverage(video: "ShownVideo") -> Iterator[tuple[str, str]]:
    """For each modality: in how many segments it is there, and why not in the others."""
    total = len(video.segments)
    for modality in video.segments[0].answers if video.segments else ():
        absent = Counter(s.answers[modality].absent_reason for s in video.segments)
        there = absent.pop(None, 0)
        reasons = "; ".join(f"{harmless(str(why))} ({n} of {total})" for why, n in sorted(absent.items()))
        yield modality, f"{there} of {total} segments" + (f"; {reasons}" if reasons else "")


def _segment(segment: "ShownSegment", people: Mapping[str, str]) -> "Iterator[RenderableType]":
    from rich.text import Text

    yield Text(f"\nsegment {segment.index}: {segment.start_s:.1f}-{segment.end_s:.1f} s", style="bold")
    if segment.words:
        words = harmless(segment.words, longest=MOST_WORDS)
        yield Text.assemble(f"  “{words}”", (f" ({segment.words_source})" if segment.words_source else "", "dim"))
    for modality, answer in segment.answers.items():
        yield Text(
            f"  {modality:<{MODALITY_WIDTH}}{_said(answer, people)}", style="yellow" if answer.absent_reason else ""
        )


def _said(answer: "ShownAnswer", people: Mapping[str, str]) -> str:
    labels = ", ".join(f"{_called(label.name, people)} {label.score:.2f}" for label in answer.labels)
    numbers = ", ".join(f"{name} {value:.3g}" for name, value in answer.numbers.items())
    return "; ".join(part for part in (harmless(answer.absent_reason or ""), labels, numbers) if part) or "there"
