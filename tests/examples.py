"""One realistic example of every event: the story of one video, from its link to its prediction.

Tests build on these; ``golden_events.py`` writes them as golden files, which the event reference shows.
"""

import math
import struct

from people_examples import EXAMPLES as OF_PEOPLE
from release_examples import EXAMPLES as OF_RELEASES

from schemas.deadletters import EventRedriven, EventRejected
from schemas.event import Event, derive_id
from schemas.faces import Box, FacesCounted, FaceTracked
from schemas.features import FeatureExtracted, FeatureReextracted, TimedWord, Transcript, Vector
from schemas.influence import AppearanceRecorded, InfluenceComputed
from schemas.labels import LabelGiven
from schemas.links import LinkSubmitted, UploadedSubtitles
from schemas.media import MediaDuplicated, MediaFetched, Metadata, SubtitleTrack
from schemas.outcomes import OutcomeObserved
from schemas.predictions import Interval, Reason, SegmentScored, VideoScored
from schemas.progress import StageProgressed
from schemas.promotions import ShadowScored
from schemas.segments import SegmentCut, VideoSegmented
from schemas.summaries import PersonSeen, PooledVector, Summarised
from schemas.targets import Measure, TargetDefined
from schemas.ticks import TimePassed

VIDEO_ID = "youtube:Xq3kT9mZ2aE"
COPY_ID = "url:5d41402abc4b2a76b9719d911017c592"
SHA256 = "9f2c61d0b7a84e35c1f60d2294be7a1853f7c0e6ad914b72805e36fc1da94b70"
REVISION = SHA256[:16]
FOLDER = f"videos/{REVISION}"
NOON_S = 1_763_812_800.0
DIM = 384


def _entries() -> list[float]:
    return [math.sin(1 + i * 0.7) / math.sqrt(DIM / 2) for i in range(DIM)]


def _vector() -> Vector:
    return Vector(dim=DIM, dtype="float32", data=struct.pack(f"<{DIM}f", *_entries()))


def _pooled(count: int) -> PooledVector:
    sums = [count * round(x * 2**24) for x in _entries()]
    return PooledVector(dim=DIM, count=count, sums=struct.pack(f"<{DIM}q", *sums))


LINK = LinkSubmitted(
    event_id=derive_id("submit", "1", "01JD9Z6Q3M8R"),
    video_id=VIDEO_ID,
    submission_id="01JD9Z6Q3M8R",
    submitted_at_s=NOON_S,
    url="https://www.youtube.com/watch?v=Xq3kT9mZ2aE",
    subtitles=(UploadedSubtitles(ref="uploads/01JD9Z6Q3M8R.en.vtt", language="en"),),
    targets=("virality",),
    submitted_by="maria",
)

METADATA = Metadata(
    title="Rolling out the Moon rocket",
    description="Six hours from the hangar to the pad, in half a minute. #space #timelapse",
    channel="Orbit Diary",
    channel_id="UC4f8WnTq0hXl2dK9sVb7YgA",
    category="Science & Technology",
    language="en",
    uploaded_at_s=NOON_S - 6 * 3600,
    views=1840,
    likes=212,
    comments=17,
    subscribers=25_300,
    hashtags=("space", "timelapse"),
    tags=("rocket", "launch pad"),
)

FETCHED = MediaFetched(
    event_id=derive_id("fetch", "1", LINK.event_id),
    video_id=VIDEO_ID,
    submission_id=LINK.submission_id,
    revision=REVISION,
    sha256=SHA256,
    media_ref=f"{FOLDER}/media.mp4",
    size_bytes=7_340_112,
    duration_s=31.4,
    width_px=1280,
    height_px=720,
    fps=29.97,
    has_video=True,
    has_audio=True,
    url=LINK.url,
    thumbnail_ref=f"{FOLDER}/thumbnail.jpg",
    subtitles=(
        SubtitleTrack(language="en", kind="automatic", ref=f"{FOLDER}/automatic.en.vtt"),
        SubtitleTrack(language="es", kind="embedded", stream_index=3),
    ),
    metadata=METADATA,
    targets=("virality",),
    warnings=("English subtitles are automatic; words may be wrong",),
)

DUPLICATED = MediaDuplicated(
    event_id=derive_id("fetch", "1", FETCHED.event_id, "duplicate"),
    video_id=VIDEO_ID,
    duplicate_id=COPY_ID,
    revision=REVISION,
)

CUT = SegmentCut(
    event_id=derive_id("segment", "1", FETCHED.event_id, 2),
    video_id=VIDEO_ID,
    revision=REVISION,
    index=2,
    count=5,
    start_s=12.012,
    end_s=18.585,
    frames_ref=f"{FOLDER}/segments/2.zip",
    audio_ref=f"{FOLDER}/segments/2.wav",
    text="and there she goes, four miles an hour at most",
    text_source="automatic",
    text_language="en",
    shot_starts_s=(12.012, 15.215),
)

SEGMENTED = VideoSegmented(
    event_id=derive_id("segment", "1", FETCHED.event_id, "count"),
    video_id=VIDEO_ID,
    revision=REVISION,
    count=5,
    duration_s=31.4,
    sampling="keyframes",
    shot_count=8,
    warnings=("the file ends in the middle of a frame; 31.4 of 32.0 s could be read",),
)

EXTRACTED = FeatureExtracted(
    event_id=derive_id("text", "1", CUT.event_id),
    video_id=VIDEO_ID,
    revision=REVISION,
    scope="2",
    modality="text",
    model="all-MiniLM-L6-v2",
    model_version="1",
    vector=_vector(),
    numbers={"words": 10.0},
    transcript=Transcript(
        text="There she goes.",
        source="speech",
        model="whisper-base",
        model_version="d01c3014-v1-int8",
        language="en",
        language_probability=0.9712,
        words=(
            TimedWord(text="There", start_s=12.3, end_s=12.62),
            TimedWord(text="she", start_s=12.62, end_s=12.8),
            TimedWord(text="goes.", start_s=12.8, end_s=13.41),
        ),
    ),
    edition=1,
)

REEXTRACTED = FeatureReextracted(
    event_id=derive_id("replay", "1", EXTRACTED.event_id), video_id=VIDEO_ID, feature=EXTRACTED
)

TRACKED = FaceTracked(
    event_id=derive_id("faces", "1", CUT.event_id, "track/1"),
    video_id=VIDEO_ID,
    revision=REVISION,
    segment=2,
    track=1,
    start_s=15.215,
    end_s=18.585,
    at_s=17.215,
    box=Box(left=0.4122, top=0.1875, width=0.0844, height=0.2014),
    quality=0.8631,
    seen=2,
    crop_ref=f"{FOLDER}/faces/2-1.jpg",
    model="centerface+dlib-face",
    model_version="09189dea-55533b28-1-f32-448px",
    vector=Vector(dim=128, dtype="float32", data=struct.pack("<128f", *(1.4 * x for x in _entries()[:128]))),
    cannot_link=(f"{VIDEO_ID}/2/2",),
)

COUNTED = FacesCounted(
    event_id=derive_id("faces", "1", CUT.event_id, "count/0"),
    video_id=VIDEO_ID,
    revision=REVISION,
    segment=3,
    segments=5,
    count=0,
    start_s=18.585,
    end_s=24.992,
    absent_reason="no faces",
)

OUTCOME = OutcomeObserved(
    event_id=derive_id("observe", "1", VIDEO_ID, 24),
    video_id=VIDEO_ID,
    observed_at_s=NOON_S + 18 * 3600,
    age_h=24,
    views=9120,
    likes=1033,
    comments=88,
    shares=41,
    subscribers=25_410,
    scores={"virality": 61.4},
)

LABEL = LabelGiven(
    event_id=derive_id("label", "1", CUT.event_id, "family_moments"),
    video_id=VIDEO_ID,
    target="scenes",
    scope="2",
    label="family_moments",
    value="yes",
    by="maria",
    given_at_s=NOON_S + 3600,
)

TARGET = TargetDefined(
    event_id=derive_id("define", "1", "month_hit"),
    name="month_hit",
    version=2,
    kind="probability",
    title="A hit after a month",
    description="The chance of being in the best quarter of a category after thirty days, from the first two.",
    measures=(
        Measure(name="likes", formula="log_count", count="likes", unit="chance, 0 to 1", low=0.0, high=1.0),
        Measure(name="scored", formula="score", score="reach", unit="chance, 0 to 1", scale="saturating", half=2.0),
    ),
    success="among the best quarter of its category",
    top_share=0.25,
    compare_by="category",
    age_days=30.0,
    tolerance_days=3.0,
    sees="early_outcomes",
    early_days=2.0,
    group_by="author",
    scope="both",
)

APPEARED = AppearanceRecorded(
    event_id=derive_id("assemble", "2", VIDEO_ID, "channel"),
    video_id=VIDEO_ID,
    revision=REVISION,
    creator="channel:5c0de1f2a3b49687",
    share=1.0,
    published_at_s=NOON_S - 6 * 3600,
    outcomes=(OUTCOME,),
)

INFLUENCED = InfluenceComputed(
    event_id=derive_id("influence", "1", VIDEO_ID),
    video_id=VIDEO_ID,
    revision=REVISION,
    creator=APPEARED.creator,
    numbers={"videos": 12.0, "views_log": 8.21, "engagement": 0.093},
)

SUMMARISED = Summarised(
    event_id=derive_id("assemble", "1", CUT.event_id, "video"),
    video_id=VIDEO_ID,
    revision=REVISION,
    scope="video",
    complete=True,
    final=True,
    segments_done=5,
    segments_total=5,
    end_s=31.4,
    pooled={"segments/text": _pooled(4), "video/text": _pooled(1)},
    numbers={"words": 46.0},
    words="six hours to the pad and there she goes, four miles an hour at most",
    missing={"segments/text": "no speech (1 of 5)"},
    metadata=METADATA,
    targets=("virality",),
    outcomes=(OUTCOME,),
    duplicates=(COPY_ID,),
    warnings=FETCHED.warnings,
    people=(PersonSeen(identity_id="person:3fa94c0d51b2e786", share=0.31),),
    edition=1,
    made_by={"segments/text": ("11ad3fa6-p1-f32",), "video/text": ("11ad3fa6-p1-f32",)},
)

SCORED = VideoScored(
    event_id=derive_id("score", "1", SUMMARISED.event_id, "virality"),
    video_id=VIDEO_ID,
    revision=REVISION,
    summary_id=SUMMARISED.event_id,
    target="virality",
    release_id="starter-1",
    stage="final",
    value=4.1,
    unit="log10 views after 30 days",
    interval=Interval(low=2.9, high=5.3, level=0.9),
    constant=3.6,
    beats_constant=True,
    probability=0.22,
    probability_of="more than 100,000 views after 30 days",
    coverage=0.91,
    calibration_error=0.03,
    reasons=(
        Reason(feature="metadata/subscribers", words="the channel has 25,300 subscribers", contribution=0.4),
        Reason(feature="segments/text", words="what is said from 12 s on", contribution=0.1, at_s=12.012),
    ),
    suggestions=("Say in the title what happens.",),
    modalities_used=("metadata", "segments/text", "video/text"),
    modalities_missing={"segments/text": "no speech (1 of 5)"},
    caveats=("The release was taught on few videos.",),
)

SEGMENT_SCORED = SegmentScored(
    event_id=derive_id("score", "1", "segment", "scenes"),
    video_id=VIDEO_ID,
    revision=REVISION,
    scope="2",
    summary_id=derive_id("assemble", "2", "segment"),
    target="scenes",
    release_id="20261122-120000-3fa2b1",
    start_s=8.008,
    end_s=12.012,
    chances={"family_moments": 0.31, "gift_giving": 0.02, "holiday": 0.87},
)

PROGRESSED = StageProgressed(
    event_id=derive_id("fetch", "1", LINK.event_id, "progress"),
    video_id=VIDEO_ID,
    stage="fetch",
    state="running",
    done=4_194_304.0,
    total=7_340_112.0,
    message="4.2 of 7.3 MB",
    warnings=FETCHED.warnings,
    submission_id=LINK.submission_id,
)

SHADOWED = ShadowScored(
    event_id=derive_id("score", "1", SCORED.event_id, "shadow"), video_id=VIDEO_ID, prediction=SCORED
)

TICK = TimePassed(
    event_id=derive_id("clock", "1", "assemble", 6),
    stage="assemble",
    partition=6,
    at_s=NOON_S + 60,
)

REJECTED = EventRejected(
    event_id=derive_id("text", "dead-letter", "segments/6/1042"),
    stage="text",
    source_topic="segments",
    source_partition=6,
    source_offset=1042,
    error="expected SegmentCut, VideoSegmented as JSON: JSON is malformed: invalid character (byte 0)",
    traceback="Traceback (most recent call last):\n  ...\nschemas.errors.Unreadable: expected SegmentCut, ...\n",
    attempts=1,
    rejected_at_s=NOON_S + 75,
    key=f"{VIDEO_ID}/3".encode(),
    value=b"\x00not an event",
    headers=(("sent-by", b"a stranger"),),
)

REDRIVEN = EventRedriven(
    event_id=derive_id("redrive", "1", REJECTED.event_id),
    rejected_id=REJECTED.event_id,
    rejected_key=REJECTED.record_key,
    redriven_at_s=NOON_S + 3600,
)

EXAMPLES: dict[type[Event], Event] = {
    type(event): event
    for event in (
        LINK,
        FETCHED,
        DUPLICATED,
        CUT,
        SEGMENTED,
        EXTRACTED,
        REEXTRACTED,
        TRACKED,
        COUNTED,
        OUTCOME,
        LABEL,
        TARGET,
        *OF_PEOPLE,
        APPEARED,
        INFLUENCED,
        SUMMARISED,
        SCORED,
        SEGMENT_SCORED,
        PROGRESSED,
        SHADOWED,
        *OF_RELEASES,
        TICK,
        REJECTED,
        REDRIVEN,
    )
}
"""By type, in the order of the pipeline."""
