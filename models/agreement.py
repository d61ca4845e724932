"""How far people who label the same things agree, beyond what chance alone would bring."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

Judgements = Sequence[Mapping[str, str]]
"""For each thing that was judged: who said what."""


@dataclass(frozen=True)
class Agreement:
    """What several people's judgements of the same things say about each other.

    Attributes
    ----------
    people : tuple of str
        Everybody who judged something that somebody else judged too.
    shared : int
        Things that at least two people judged.
    same : float or None
        Share of all pairs of judgements of one thing that are the same; None where nothing is shared.
    kappa : float or None
        Cohen's, for exactly two people; 1 is full agreement, 0 what chance brings.
    alpha : float or None
        Krippendorff's, for two people and more; same scale. Both are None where every judgement is the
        same word: then chance would agree as well, and there is nothing to compare.
    """

    people: tuple[str, ...]
    shared: int
    same: float | None
    kappa: float | None
    alpha: float | None


def agreement(judgements: Judgements) -> Agreement:
    """Work all measures out for one class.

    Parameters
    ----------
    judgements : sequence of mappings
        For each thing: person -> value. What only one person judged counts nowhere.

    >>> agreement([{"a": "yes", "b": "yes"}, {"a": "no", "b": "no"}]).kappa
    1.0
    """
    shared = [said for said in judgements if len(said) > 1]
    people = tuple(sorted({person for said in shared for person in said}))
    pairs = [a == b for said in shared for a, b in permutations(said.values(), 2)]
    return Agreement(
        people=people,
        shared=len(shared),
        same=sum(pairs) / len(pairs) if pairs else None,
        kappa=cohens_kappa([(said[people[0]], said[people[1]]) for said in shared]) if len(people) == 2 else None,
        alpha=krippendorffs_alpha(shared),
    )


def cohens_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Compare two people on the same things; None without any, or when both always say the same one word.

    Source: Cohen, A coefficient of agreement for nominal scales, 1960.

    >>> cohens_kappa([("yes", "yes"), ("yes", "no"), ("no", "no"), ("no", "no")])
    0.5
    """
    if not pairs:
        return None
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    by_chance = sum(first[word] * second[word] for word in first) / len(pairs) ** 2
    if by_chance == 1:
        return None
    observed = sum(a == b for a, b in pairs) / len(pairs)
    return (observed - by_chance) / (1 - by_chance)


def krippendorffs_alpha(judgements: Judgements) -> float | None:
    """Compare any number of people, each of whom may have judged only some things; nominal scale.

    None when fewer than two people judged any one thing, or when all say the same one word.

    Source: Krippendorff, Computing Krippendorff's alpha-reliability, 2011, section C.
    """
    units = [Counter(said.values()) for said in judgements if len(said) > 1]
    totals = sum(units, Counter[str]())
    count = totals.total()
    expected = count**2 - sum(n**2 for n in totals.values())
    if expected == 0:
        return None
    observed = sum((unit.total() ** 2 - sum(n**2 for n in unit.values())) / (unit.total() - 1) for unit in units)
    return 1 - (count - 1) * observed / expected
