"""What lets another version of a stage's answers stand: the features, and summaries of segments made of them.

All of them bear an edition, one higher than whatever was there. `assemble` begins a video's sums anew at the
first of a higher edition, so that neither the order of arrival nor a redelivery can mix two versions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from processors.assemble import AssembleProcessor
from processors.folding import FoldInMemory, OnSkip
from processors.ports import Options
from schemas.event import WHOLE_VIDEO, Event
from schemas.features import FeatureExtracted, FeatureReextracted
from schemas.summaries import Summarised
from streams.reextraction import PastVideo, beside


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What tells whether a summary that lies on the topic has to be written again."""

    event_id: str = ""
    revision: str = ""
    edition: int = 0


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """What has to be written for one video, and nothing that lies there already.

    Attributes
    ----------
    replaced : tuple of FeatureReextracted
        What stood before, to lie beside from now on: so that it can be promoted back.
    """

    features: tuple[FeatureExtracted, ...] = ()
    summaries: tuple[Summarised, ...] = ()
    replaced: tuple[FeatureReextracted, ...] = ()

    @property
    def events(self) -> tuple[Event, ...]:
        """All of it, in the order in which it may be written."""
        return (*self.replaced, *self.features, *self.summaries)


def promotion(
    video: PastVideo,
    chosen: Sequence[FeatureExtracted],
    heads: Mapping[str, Head],
    *,
    options: Options,
    on_skip: OnSkip,
) -> Promotion:
    """Say what lets chosen answers stand; it is empty where they stand and live summaries have followed.

    Parameters
    ----------
    chosen : sequence of FeatureExtracted
        One for each of `video.asked`, of one version.
    heads : mapping
        Of what lies on ``summaries`` about segments, by record key.
    """
    mine = {key: head for key, head in heads.items() if head.revision == chosen[0].revision}
    now = max(feature.edition for feature in (*chosen, *video.standing.values(), *video.others))
    is_new = any(_differs(answer, video.standing.get(answer.scope)) for answer in chosen)
    keys = [segment.record_key for segment in video.segments]
    if not is_new and all(key in mine and mine[key].edition >= now for key in keys):
        return Promotion()
    edition = max([now, *(head.edition for head in mine.values())]) + is_new
    features = [replace(answer, edition=edition) for answer in chosen]
    before = (video.standing.get(answer.scope) for answer in chosen if is_new)
    version = chosen[0].model_version
    summaries = _assembled(video, features, options, on_skip)
    return Promotion(
        features=tuple(f for f in features if f != video.standing.get(f.scope)),
        summaries=tuple(s for s in summaries if s.event_id != mine.get(s.record_key, Head()).event_id),
        replaced=tuple(beside(replace(old, edition=0)) for old in before if old and old.model_version != version),
    )


def _differs(answer: FeatureExtracted, standing: FeatureExtracted | None) -> bool:
    return standing is None or replace(answer, edition=0) != replace(standing, edition=0)


def _assembled(
    video: PastVideo, features: Iterable[FeatureExtracted], options: Options, on_skip: OnSkip
) -> list[Summarised]:
    """Run the live fold over all that is known of the segments; the last summary of each."""
    fold = FoldInMemory(AssembleProcessor(options), on_skip)
    emitted = [*fold.feed([*video.segments, *video.others, *features]), *fold.expire()]
    found = (event for event in emitted if isinstance(event, Summarised) and event.scope != WHOLE_VIDEO)
    return list({summary.record_key: summary for summary in found}.values())
