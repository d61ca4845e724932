"""Answers as they may come, for the OpenAPI document: one video's story, told by the resources of the API."""

from dashboard.rows import (
    Facet,
    Facets,
    Moment,
    PredictionBrief,
    StageBrief,
    VideoDetail,
    VideoPage,
    VideoRow,
)
from dashboard.submissions import Submitted, SubmittedAll
from dashboard.uploads import Upload, Wish
from dashboard.webhooks_store import HAPPENINGS, Delivery, Webhook
from schemas.outcomes import OutcomeObserved

NOON_S = 1_790_000_000.0
VIDEO = "youtube:dQw4w9WgXcQ"
TITLE = "Water for a village"
RELEASE = "2026-05-31-ridge"
FILE_SHA256 = "9f2c61d0b7a84e35c1f60d2294be7a1853f7c0e6ad914b72805e36fc1da94b70"

ROW = VideoRow(
    video_id=VIDEO,
    state="done",
    submitted_at_s=NOON_S,
    changed_at_s=NOON_S + 95.0,
    title=TITLE,
    channel="Wells and Pumps",
    url="https://www.youtube.com/watch?v=dQw4w9WgXcQ",
    duration_s=212.0,
    share=1.0,
    warnings=("English subtitles are automatic; words may be wrong",),
    stages=(StageBrief(stage="fetch", state="done", done=7_340_112.0, total=7_340_112.0, at_s=NOON_S + 12.0),),
    predictions=(
        PredictionBrief(
            target="virality",
            value=41.2,
            unit="viral score, 0 to 100",
            low=12.0,
            high=71.5,
            constant=35.0,
            beats_constant=True,
            stage="final",
            release_id=RELEASE,
            at_s=NOON_S + 95.0,
            probability=0.22,
        ),
    ),
    labels=("water", "speech"),
)
PAGE = VideoPage(items=(ROW,), next_cursor="", total=1)
DETAIL = VideoDetail(
    row=ROW,
    history=(
        Moment(
            target="virality", at_s=NOON_S + 40.0, value=38.9, low=8.1, high=74.0, stage="partial", release_id=RELEASE
        ),
    ),
)
FACETS = Facets(
    states=(Facet(value="done", videos=1),),
    targets=(Facet(value="virality", videos=1),),
    channels=(Facet(value="Wells and Pumps", videos=1),),
)
SUBMITTED = SubmittedAll(
    items=(
        Submitted(
            source="https://youtu.be/dQw4w9WgXcQ",
            state="submitted",
            video_id=VIDEO,
            submission_id="0f8fad5b-d9cb-469f-a165-70867728950e",
        ),
        Submitted(
            source="http://127.0.0.1/a.mp4",
            state="refused",
            problem="127.0.0.1 is not a public address; links may not reach it",
        ),
    ),
    submitted=1,
    refused=1,
)
UPLOAD = Upload(
    upload_id="0f8fad5bd9cb469fa16570867728950e",
    wish=Wish(name="talk.mp4", size_bytes=73_400_320, title=TITLE, by="maria"),
    begun_at_s=NOON_S,
    offset_bytes=2_097_152,
)
FINISHED = Upload(
    upload_id=UPLOAD.upload_id,
    wish=UPLOAD.wish,
    begun_at_s=NOON_S,
    offset_bytes=73_400_320,
    state="finished",
    sha256=FILE_SHA256,
    video_id=f"file:{FILE_SHA256[:32]}",
)
OUTCOME = OutcomeObserved(
    event_id="8f14e45f-ceea-567d-8b5d-1e6f0b7c7d10",
    video_id=VIDEO,
    observed_at_s=NOON_S + 86_400.0,
    age_h=24,
    views=9120,
    likes=1033,
    comments=88,
)
WEBHOOK = Webhook(
    webhook_id="0f8fad5bd9cb469f",
    url="https://example.org/hooks/groundswell",
    events=HAPPENINGS,
    state="on",
    by="maria",
    created_at_s=NOON_S,
)
DELIVERY = Delivery(
    delivery_id="3d0f3d27-8d8c-5b1e-9d0d-0a5f6f9b7c10",
    event="prediction.final",
    video_id=VIDEO,
    state="delivered",
    attempts=1,
    created_at_s=NOON_S + 95.0,
    last_at_s=NOON_S + 95.3,
    last_status=204,
)
