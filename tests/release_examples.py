"""Realistic examples of the events about releases and how good they are; `examples` has those of a video."""

from schemas.event import derive_id
from schemas.promotions import RoleGiven
from schemas.releases import ReleaseFile, ReleasePublished
from schemas.scoreboard import ChanceBin, Judged, PredictionJudged, ScoreKept

NOON_S = 1_763_812_800.0
VIDEO_ID = "youtube:Xq3kT9mZ2aE"
SHA256 = "9f2c61d0b7a84e35c1f60d2294be7a1853f7c0e6ad914b72805e36fc1da94b70"

PUBLISHED = ReleasePublished(
    event_id=derive_id("train", "1", "virality", "starter-1"),
    target="virality",
    release_id="starter-1",
    kind="regression",
    files=(ReleaseFile(name="weights.npz", sha256=SHA256[::-1], size_bytes=9_412),),
    trained_at_s=NOON_S - 86_400,
    rows=1_200,
    metrics={"mae": 0.61, "mae_constant": 0.74, "interval_coverage": 0.91},
    beats_constant=True,
    card="# Virality, starter\n\nTaught on 1,200 videos of one table; knows nothing of pictures or sound.",
)

ROLE = RoleGiven(
    event_id=derive_id("releases", "1", PUBLISHED.event_id, "shadow"),
    target="virality",
    release_id="starter-1",
    role="shadow",
    given_at_s=NOON_S,
)

JUDGED = PredictionJudged(
    event_id=derive_id("scoreboard", "1", VIDEO_ID, "judged"),
    video_id=VIDEO_ID,
    target="virality",
    release_id="starter-1",
    week="2026-W41",
    unit="log10 views after 30 days",
    level=0.9,
    judged=Judged(error=-310_000, constant_error=812_500, chance=240_000, base_chance=200_000),
)

KEPT = ScoreKept(
    event_id=derive_id("scoreboard", "1", JUDGED.board, "kept"),
    target="virality",
    release_id="starter-1",
    week="2026-W41",
    part=7,
    unit="log10 views after 30 days",
    level=0.9,
    compared=12,
    inside=10,
    below=1,
    above=1,
    error_sum=-1_204_000,
    absolute_error_sum=6_381_250,
    constant_error_sum=8_930_000,
    not_comparable={"no outcome has the counts it takes": 2},
    chances=(
        ChanceBin(tenth=1, videos=9, came=1, chance_sum=1_350_000),
        ChanceBin(tenth=4, videos=3, came=2, chance_sum=1_290_000),
    ),
    brier_sum=1_716_000,
    base_brier_sum=2_280_000,
)

EXAMPLES = (PUBLISHED, ROLE, JUDGED, KEPT)
