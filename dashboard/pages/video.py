"""One video: what was found in it, and what will become of it."""

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response

from dashboard.access.roles import Viewer
from dashboard.desk import Desk, TheDesk
from dashboard.pages.prediction_views import views_of
from dashboard.pages.rendering import is_fragment, render
from dashboard.pages.timeline import by_scope, text_of, timeline_of
from dashboard.problems import not_found
from dashboard.rows import VideoDetail
from schemas.segments import SegmentCut
from streams.class_moments import moments_of

MOST_FRAMES = 16
MOST_LABELS = 60
SENSES = ("visual", "audio")
PERSON = "person:"
"""Labels that begin so are ids of people, who have a card of their own."""

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A segment as a line of the transcript: its words and what is surest in it."""

    segment: SegmentCut
    text: str
    labels: tuple[str, ...]


@router.get("/videos/{video_id}")
def video(
    request: Request, desk: TheDesk, _: Viewer, video_id: Annotated[str, Path(max_length=200)], t: float = 0.0
) -> HTMLResponse:
    """Show everything known about a video; htmx gets only what may have changed."""
    detail = desk.library.video(video_id)
    if detail is None:
        page = render(request, "video_unknown.html", video_id=video_id)
        page.status_code = 404
        return page
    name = "video_parts.html" if is_fragment(request) else "video.html"
    return render(request, name, start_s=max(t, 0.0), **_shown(desk, detail))


@router.get("/videos/{video_id}/words.vtt")
def captions(desk: TheDesk, _: Viewer, video_id: Annotated[str, Path(max_length=200)]) -> Response:
    """What is said, as captions for the player (WebVTT)."""
    detail = desk.library.video(video_id)
    if detail is None:
        raise not_found("video", video_id)
    cues = (_cue(piece) for piece in _pieces(detail) if piece.text)
    return Response("\n".join(("WEBVTT\n", *cues)), media_type="text/vtt; charset=utf-8")


def _cue(piece: Piece) -> str:
    words = html.escape(" ".join(piece.text.split()), quote=False)
    return f"{_clock(piece.segment.start_s)} --> {_clock(piece.segment.end_s)}\n{words}\n"


def _clock(at_s: float) -> str:
    whole_ms = round(at_s * 1000)
    minutes, rest_ms = divmod(whole_ms, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest_ms // 1000:02}.{rest_ms % 1000:03}"


def _shown(desk: Desk, detail: VideoDetail) -> dict[str, object]:
    targets = desk.library.targets()
    return {
        "detail": detail,
        "row": detail.row,
        "views": views_of(detail, targets, desk.library.releases()),
        "definitions": {t.name: {c.name: c.definition for c in t.classes} for t in targets if t.classes},
        "moments": {p.target: moments_of(p, detail.segment_predictions) for p in detail.predictions},
        "timeline": timeline_of(detail),
        "pieces": tuple(_pieces(detail)),
        "frames": _frames(desk, detail),
        "has_media": _has_media(desk, detail),
        "surest": _surest(detail),
    }


def _pieces(detail: VideoDetail) -> Iterator[Piece]:
    told_apart = by_scope(detail.answers)
    for segment in sorted(detail.segments, key=lambda segment: segment.index):
        answers = told_apart.get(str(segment.index), ())
        found = (label for answer in answers if answer.modality in SENSES for label in answer.labels)
        names = tuple(dict.fromkeys(label.name for label in sorted(found, key=lambda label: -label.score)))[:4]
        yield Piece(segment=segment, text=text_of(segment, answers), labels=names)


def _frames(desk: Desk, detail: VideoDetail) -> list[float]:
    """Times whose keyframes tell the video in pictures, evenly over its length; none where they are gone.

    Keyframes of a video are made and cleaned up together: the first of them speaks for all.
    """
    pictured = [segment for segment in detail.segments if segment.frames_ref]
    if not pictured or not desk.store.exists(pictured[0].frames_ref or ""):
        return []
    end_s = max(segment.end_s for segment in pictured)
    count = max(1, min(MOST_FRAMES, int(end_s)))
    return [round(i * end_s / count, 3) for i in range(count)]


def _has_media(desk: Desk, detail: VideoDetail) -> bool:
    return bool(detail.media and detail.media.media_ref and desk.store.exists(detail.media.media_ref))


def _surest(detail: VideoDetail) -> list[tuple[str, float]]:
    """What is in the whole video, the surest first."""
    best: dict[str, float] = {}
    for label in detail.summary.labels if detail.summary else ():
        if label.name.startswith(PERSON):
            continue
        best[label.name] = max(best.get(label.name, 0.0), label.score)
    return sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_LABELS]
