"""How fast a stage is with a video and how long it will take: both guesses, and said as such."""

from dashboard.pages.saying import stage as stage_word
from dashboard.pages.wording import figure, size
from dashboard.rows import StageBrief, VideoRow
from streams.topology import writers

LEAST_SEEN_S = 2.0
"""Watched for less than this, a rate says nothing."""

ON_THE_WAY = writers("progress")
"""Stages that every video goes through, and that say how far they are."""

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400


def left_s(stage: StageBrief) -> float | None:
    """Guess how long a running stage will take from its last word on; None when it cannot be guessed.

    >>> left_s(StageBrief(stage="segment", state="running", done=20, total=80, first_at_s=100, at_s=110))
    30.0
    """
    rate = _rate(stage)
    return None if rate is None or not stage.total else max(0.0, stage.total - stage.done) / rate


def speed(stage: StageBrief) -> str:
    """Say how fast a running stage is; empty when nobody knows."""
    rate = _rate(stage)
    if rate is None:
        return ""
    if stage.stage == "fetch":
        return f"{size(rate)}/s"
    return (
        f"{figure(rate)} s of video a second"
        if stage.stage == "segment"
        else f"{figure(rate * MINUTE_S)} segments a minute"
    )


def pace(row: VideoRow, now_s: float) -> str:
    """Say what a running video waits for longest, and about how long that will be.

    >>> stage = StageBrief(stage="segment", state="running", done=20, total=80, first_at_s=100, at_s=110)
    >>> row = VideoRow(video_id="yt:a", state="running", submitted_at_s=90, changed_at_s=110, stages=(stage,))
    >>> pace(row, 115)
    'Cut: about 25 s left, 2 s of video a second'
    """
    guessed = [(left - (now_s - stage.at_s), stage) for stage in row.stages if (left := left_s(stage)) is not None]
    if guessed:
        rest_s, stage = max(guessed, key=lambda one: one[0])
        return f"{stage_word(stage.stage)}: {about(max(0.0, rest_s))} left, {speed(stage)}"
    running = [stage.stage for stage in row.stages if stage.state == "running"]
    waiting = [stage.stage for stage in stages_of(row) if stage.state == "waiting"]
    if running:
        return f"{stage_word(running[-1])}: under way"
    return f"next: {stage_word(waiting[0])}" if waiting else ""


def stages_of(row: VideoRow) -> tuple[StageBrief, ...]:
    """What was heard of stages; of a running video also those that are still to come, in the order of the pipeline."""
    if row.state != "running":
        return row.stages
    heard = {stage.stage: stage for stage in row.stages}
    return tuple(heard.get(name) or StageBrief(stage=name, state="waiting") for name in ON_THE_WAY)


def about(seconds: float) -> str:
    """Say a time to come no more exactly than it is known.

    >>> about(3), about(47), about(400), about(5000), about(200_000)
    ('a few seconds', 'about 45 s', 'about 7 min', 'about 1 h 23 min', 'more than a day')
    """
    if seconds < 10:
        return "a few seconds"
    if seconds < MINUTE_S:
        return f"about {5 * round(seconds / 5)} s"
    if seconds < HOUR_S:
        return f"about {round(seconds / MINUTE_S)} min"
    if seconds < DAY_S:
        return f"about {int(seconds // HOUR_S)} h {int(seconds % HOUR_S // MINUTE_S)} min"
    return "more than a day"


def _rate(stage: StageBrief) -> float | None:
    """Units a second, from the first to the last word."""
    seen_s = stage.at_s - stage.first_at_s
    if stage.state != "running" or stage.done <= 0 or seen_s < LEAST_SEEN_S:
        return None
    return stage.done / seen_s
