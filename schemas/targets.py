"""What can be predicted, said as data: a target is a definition, never code."""

from typing import Literal

import msgspec

from schemas.event import Event
from schemas.labels import ClassName
from schemas.releases import TargetName

Kind = Literal["regression", "probability", "multilabel"]
Formula = Literal["score", "log_count", "engagement", "virality_score", "hashtags", "labels"]
Count = Literal["views", "likes", "comments", "shares"]
Scale = Literal["none", "percentile", "saturating"]
Sight = Literal["before_publishing", "early_outcomes"]
Group = Literal["channel", "speaker", "author"]
TargetScope = Literal["video", "segment", "both"]


class TargetClass(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One class of a multilabel target.

    Attributes
    ----------
    definition : str
        In whole words, for the people who label and for the search by text.
    aliases : tuple of str
        Other names that tables use for it.
    """

    name: ClassName
    definition: str
    aliases: tuple[str, ...] = ()


class Measure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One way to measure a target. A release is taught by one, and its name goes with it.

    Attributes
    ----------
    formula : str
        ``score``: a figure that came with the table. ``log_count``: log10 of a count plus one.
        ``engagement``: likes and comments in a hundred views. ``virality_score``: views projected to the first
        day, and all views, each by subscribers. ``hashtags``, ``labels``: yes or no for each class.
    score : str
        Which of the scores, for ``score``.
    count : str
        Which count, for ``log_count``.
    scale : str
        ``percentile``: share of the examples that have less, 0 to 100. ``saturating``: 0 to 100, where `half` lies
        at 50 and twice as much halves the rest.
    half : float
        For ``saturating``, in the formula's own unit.
    low, high : float or None
        Smallest and largest possible value.
    """

    name: TargetName
    formula: Formula
    unit: str
    score: str = ""
    count: Count = "views"
    scale: Scale = "none"
    half: float = 1.0
    low: float | None = None
    high: float | None = None


class TargetDefined(Event, frozen=True, kw_only=True, omit_defaults=True):
    """One thing to predict. A version never changes; a changed definition is a new version.

    Attributes
    ----------
    measures : tuple of Measure
        Ways to measure it, the preferred one first; which one serves depends on what the examples hold.
    success : str
        What the best `top_share` means, in words.
    top_share : float
        The best share of comparable videos: what a probability is about.
    compare_by : str
        Comparable means: all examples together, or those of one category.
    age_days, tolerance_days : float
        Counts are taken at this age of the video, give or take. None takes the last ones, whatever the age.
    sees : str
        Which features may be used: only what is known before publishing, or early counts too.
    early_days : float
        Up to which age counts are early.
    group_by : str
        Who must not be on both sides of a split: the same column for all three, in the word for the report.
    minimum_examples : int
        A hashtag that fewer videos bear is no class.
    maximum_classes : int
        Of the hashtags only so many are classes, the most used; 0 takes all.
    """

    name: TargetName
    version: int
    kind: Kind
    title: str
    description: str
    measures: tuple[Measure, ...]
    success: str = ""
    top_share: float = 0.2
    compare_by: Literal["all", "category"] = "all"
    age_days: float | None = None
    tolerance_days: float = 0.0
    sees: Sight = "before_publishing"
    early_days: float = 0.0
    group_by: Group = "channel"
    scope: TargetScope = "video"
    classes: tuple[TargetClass, ...] = ()
    minimum_examples: int = 0
    maximum_classes: int = 0

    @property
    def record_key(self) -> str:
        return f"{self.name}/{self.version}"

    @property
    def partition_key(self) -> str:
        return self.name
