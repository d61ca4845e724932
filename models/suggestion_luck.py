"""How much of what a release suggests might be luck: the same question asked of outcomes dealt out by chance."""

from dataclasses import replace

import msgspec
import numpy as np

from models.comparables import Comparables, Facets
from models.suggestions import suggest

DEALS = 19
"""Real outcomes that come out above all of them do so by luck once in twenty times."""

ASKED = 500
"""Of the comparables so many are asked about; each deal costs half a millisecond of each."""


def with_luck(comparables: Comparables) -> Comparables:
    """Note in the facts how many of the past videos are told anything, really and by luck.

    Source: Dwass, Modified randomization tests for nonparametric hypotheses, 1957.
    """
    asked = _asked(comparables)
    told = _share(asked, comparables)
    lucky = [_share(asked, dealt(comparables, seed)) for seed in range(DEALS)]
    facts = msgspec.structs.replace(
        comparables.facts,
        told_share=told,
        luck_share=float(np.mean(lucky)),
        beats_luck=told > max(lucky),
    )
    return replace(comparables, facts=facts)


def dealt(comparables: Comparables, seed: int) -> Comparables:
    """Give each group the residuals of others; what belongs to one group stays together, as it is alike."""
    groups = comparables.groups
    order = np.random.default_rng(seed).permutation(len(groups))
    return replace(comparables, residuals=comparables.residuals[np.argsort(order[groups], kind="stable")])


def _asked(comparables: Comparables) -> Facets:
    places = np.linspace(0, len(comparables) - 1, min(ASKED, len(comparables))).astype(np.int64)
    names = (*comparables.facts.categories, "")  # -1, no category, is the last
    categories = tuple(names[number] for number in comparables.categories[places].tolist())
    return Facets(comparables.topics[places], comparables.choices[places], categories)


def _share(asked: Facets, comparables: Comparables) -> float:
    """Of the videos asked about, the share that is told anything, whatever its score."""
    lowest = np.full(len(asked), -np.inf)
    told = suggest(asked, lowest, comparables)
    return sum(map(bool, told)) / max(len(told), 1)
