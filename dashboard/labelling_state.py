"""How far the labelling of a target is: counts, agreement, and what one person has given."""

from collections.abc import Iterable, Sequence

import msgspec

from schemas.labels import LabelGiven
from schemas.targets import TargetDefined
from streams.labelling import ClassAgreement, agreements_of, counts_of

MOST_DISPUTED = 20
TEACHES = 10
"""So many judgements of each kind make a class worth training; benchmarks/labelling.py."""


class Labelling(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a target.

    Attributes
    ----------
    counts : dict
        For each class how many ``yes``, ``no`` and ``skip`` stand, whoever gave them.
    mine : int
        Labels that the caller gave.
    people : list of str
        Whoever gave labels.
    """

    target: str
    counts: dict[str, dict[str, int]]
    agreements: list[ClassAgreement]
    mine: int
    people: list[str]


def labelling(target: TargetDefined, labels: Sequence[LabelGiven], *, by: str) -> Labelling:
    """Add labels up."""
    return Labelling(
        target=target.name,
        counts=counts_of(target, labels),
        agreements=[_short(one) for one in agreements_of(target, labels)],
        mine=sum(label.by == by for label in labels),
        people=sorted({label.by for label in labels}),
    )


def last_of(labels: Iterable[LabelGiven], *, by: str, **wanted: str) -> LabelGiven | None:
    """The label that somebody gave last, of those with the wanted fields."""
    mine = [x for x in labels if x.by == by and all(getattr(x, name) == value for name, value in wanted.items())]
    return max(mine, key=lambda label: (label.given_at_s or 0.0, label.record_key), default=None)


def _short(one: ClassAgreement) -> ClassAgreement:
    return msgspec.structs.replace(one, disputed=one.disputed[:MOST_DISPUTED])
