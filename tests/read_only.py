"""Videos of which only words are known, as the starter release was taught on them, and what it says of them."""

from pathlib import Path

import runs

import models.release
from models.pooling import pool_one
from models.vectors import from_vector
from processors.predict import predict
from schemas.codec import encode
from schemas.media import Metadata
from schemas.summaries import Summarised

STARTER = Path(models.release.__file__).parent / "starter" / "virality"
GOLDEN = Path(__file__).parent / "golden" / "starter_predictions.jsonl"
TITLES = ("How to boil an EGG!", "Live: the match | highlights", "I tried 100 things", "you won't believe it 😀", "Tea")
CATEGORIES = ("Comedy", "Music", "", "Gardening")


def summary(number: int) -> Summarised:
    """A final summary of a made-up video without a picture or a sound."""
    metadata = Metadata(
        title=TITLES[number % len(TITLES)],
        description="About it." if number % 2 else "",
        category=CATEGORIES[number % len(CATEGORIES)],
        tags=tuple(f"tag {place}" for place in range(number % 6)),
        channel=f"channel {number % 3}",
    )
    return Summarised(
        event_id=runs.event_id("read only", number),
        video_id=f"row:{number}",
        revision=runs.revision(str(number)),
        scope="video",
        complete=True,
        final=True,
        pooled={"video/text": pool_one(from_vector(runs.vector("title", number)))} if number % 7 else {},
        numbers={"video/text/words": float(number)},
        missing={"segments/text": "no segments"} | ({} if number % 7 else {"video/text": "no title or description"}),
        metadata=metadata,
    )


def starter_predictions() -> list[bytes]:
    """What the shipped release says of twenty such videos."""
    return [encode(scored) for scored in predict([summary(n) for n in range(20)], models.release.load(STARTER))]
