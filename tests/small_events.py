"""Small events for tests that count events and don't look inside them."""

from schemas.event import derive_id
from schemas.links import LinkSubmitted


def link(video_id: str, submission_id: str = "s1") -> LinkSubmitted:
    """Submit a video under the id it will have."""
    return LinkSubmitted(
        event_id=derive_id("submit", "1", f"{submission_id}/{video_id}"),
        video_id=video_id,
        submission_id=submission_id,
        submitted_at_s=1_763_812_800.0,
        url="https://example.org/video.mp4",
    )
