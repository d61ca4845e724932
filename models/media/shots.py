"""Finds where one shot ends and the next begins, from small grey pictures."""

from collections import deque
from collections.abc import Iterable
from itertools import pairwise, product
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.media.clock import Ticker

Grey = NDArray[np.uint8]

SAMPLE_RATE_HZ = 10.0
"""Pictures compared a second; more cost time and find nothing new. Those between place a cut to the frame."""

BETWEEN_S = 0.2
"""A shot may begin so much before the compared picture that shows it."""

LOOKAHEAD_S = 1.0
"""A change is judged against the second before it and the second after it."""

SHORTEST_SHOT_S = 0.5
"""Two changes closer than this are one (a wipe, a flash)."""

HARD_DISTANCE = 0.3
"""Share of the histogram that moves in a hard cut: 0.35 in the weakest of those looked at, 0.28 when a head left the picture."""

HARD_GREY_LEVELS = 6.0
"""Mean change of brightness in a hard cut, of 255; below it, noise in the dark moves histograms."""

HARD_CORRELATION = 0.5
"""Pictures of two scenes correlate less than this (to 0.38 seen), those of one scene, shaken or flashed, mostly more."""

OUTSTANDING = 3.0
"""A cut stands out from the median change around it by this factor (6.7 and more seen); shaking cameras don't (to 2.6)."""

FLASH_SHARE = 0.5
"""Pictures before and after a flash are nearer to each other than this share of the jump."""

DISSOLVE_SPANS_S = (0.6, 1.0, 1.6)
"""Stretches searched for a dissolve; a longer dissolve fills several in a row."""

DISSOLVE_DISTANCE = 0.3
"""Share of the histogram that moves over such a stretch."""

DISSOLVE_GREY_LEVELS = 12.0
"""Mean change of brightness over such a stretch, of 255."""

DISSOLVE_RESIDUAL = 0.3
"""What of a picture inside is no mixture of both ends: 0.04 in a real dissolve, 0.6 in camera movement."""

DISSOLVE_STEP = 0.6
"""Largest step on the way from one end to the other; a hard cut makes one of 0.9."""

SAME_SCENE_CORRELATION = 0.8
"""Ends that correlate more are one scene whose light changed."""

LONGEST_DISSOLVE_S = 5.0
"""Slower changes are weather."""


class _Sample(NamedTuple):
    at_s: float
    start_s: float
    grey: NDArray[np.float32]
    histogram: NDArray[np.float64]
    jump: float
    jumps: bool


class _Stretch(NamedTuple):
    start_s: float
    end_s: float


class ShotDetector:
    """Takes small grey pictures in order of time; tells shot starts about a second later.

    Hard cuts: a jump of the brightness histograms of 4 x 4 cells, to a picture that does not correlate, that
    stands out from its surroundings and lasts. Dissolves and fades: pictures that are, one after the other,
    mixtures of a picture before and one after; the shot begins in the middle.

    Parameters
    ----------
    sparse : bool
        The pictures are seconds apart (keyframes): each is judged against the one before, nothing else.

    Source: Zhang, Kankanhalli, Smoliar (1993), "Automatic partitioning of full-motion video" (histograms);
    Hampapur, Jain, Weymouth (1994), "Digital video segmentation" (dissolves as mixtures); Alattar (1993),
    "Detecting and compressing dissolve regions in video sequences" (their loss of contrast).
    """

    def __init__(self, *, sparse: bool = False) -> None:
        self._sparse = sparse
        self._ticker = Ticker(SAMPLE_RATE_HZ)
        self._between: list[tuple[float, Grey]] = []
        self._samples: deque[_Sample] = deque()
        self._judged_s = float("-inf")
        self._last_start_s = float("-inf")
        self._dissolve: _Stretch | None = None

    @property
    def settled_s(self) -> float:
        """No shot start before this time will be told any more."""
        return (self._dissolve.start_s if self._dissolve else self._judged_s) - BETWEEN_S

    def add(self, at_s: float, grey: Grey) -> list[float]:
        """Take in the next picture, of every frame there is; tell the shot starts that are now certain, in order.

        Parameters
        ----------
        at_s : float
            Later than the picture before.
        grey : array, shape (height, width)
            About 50 pixels on the short side; all of one video of one shape.
        """
        if not self._sparse and not self._ticker.due(at_s):
            self._between.append((at_s, grey))
            return []
        starts = self._forget() if self._samples and self._samples[-1].grey.shape != grey.shape else []
        self._samples.append(self._measure(at_s, grey))
        self._between.clear()
        return starts + self._judge(at_s if self._sparse else at_s - LOOKAHEAD_S)

    def finish(self) -> list[float]:
        """Tell the shot starts of the last second."""
        return self._judge(float("inf")) + self._end_dissolve()

    def _forget(self) -> list[float]:
        """Finish with pictures that cannot be compared to those that follow: the size changed."""
        starts = self._judge(self._samples[-1].at_s) + self._end_dissolve()
        self._samples.clear()
        self._between.clear()
        return starts

    def _measure(self, at_s: float, picture: Grey) -> _Sample:
        grey, histogram = picture.astype(np.float32), cell_histogram(picture)
        before = self._samples[-1] if self._samples else None
        if before is None:
            return _Sample(at_s, at_s, grey, histogram, jump=0.0, jumps=False)
        jump = _distance(before.histogram, histogram)
        jumps = jump > HARD_DISTANCE and _is_another_picture(before.grey, grey)
        start_s = self._first_like(grey, before.grey, otherwise_s=at_s) if jumps else at_s
        return _Sample(at_s, start_s, grey, histogram, jump, jumps)

    def _first_like(self, after: NDArray[np.float32], before: NDArray[np.float32], *, otherwise_s: float) -> float:
        """When the first of the pictures between two was shown that is nearer to the later one."""
        nearer = (at_s for at_s, grey in self._between if np.abs(grey - after).sum() < np.abs(grey - before).sum())
        return next(nearer, otherwise_s)

    def _judge(self, until_s: float) -> list[float]:
        """Judge each sample up to a time once, and forget what no later judgement needs."""
        starts = []
        for sample in [s for s in self._samples if self._judged_s < s.at_s <= until_s]:
            starts += self._starts_at(sample)
        self._judged_s = max(self._judged_s, until_s)
        while len(self._samples) > 1 and self._samples[0].at_s < self._judged_s - LOOKAHEAD_S:
            self._samples.popleft()
        return starts

    def _starts_at(self, sample: _Sample) -> list[float]:
        if self._last_start_s == float("-inf"):
            return self._start(sample.at_s)
        if self._is_hard_cut(sample):
            return self._end_dissolve(SHORTEST_SHOT_S, before_s=sample.start_s) + self._start(sample.start_s)
        if self._sparse or not self._is_inside_dissolve(sample):
            return self._end_dissolve()
        start_s = self._dissolve.start_s if self._dissolve else sample.at_s
        self._dissolve = _Stretch(start_s, sample.at_s)
        return self._end_dissolve() if sample.at_s - start_s > LONGEST_DISSOLVE_S else []

    def _start(self, at_s: float) -> list[float]:
        if at_s - self._last_start_s < SHORTEST_SHOT_S:
            return []
        self._last_start_s = at_s
        return [at_s]

    def _end_dissolve(self, margin_s: float = 0.0, *, before_s: float = float("inf")) -> list[float]:
        stretch, self._dissolve = self._dissolve, None
        if stretch is None:
            return []
        middle_s = (stretch.start_s + stretch.end_s) / 2
        return self._start(middle_s) if middle_s <= before_s - margin_s else []

    def _is_hard_cut(self, sample: _Sample) -> bool:
        return sample.jumps and (self._sparse or (self._stands_out(sample) and self._lasts(sample)))

    def _stands_out(self, sample: _Sample) -> bool:
        near = [s.jump for s in self._samples if s is not sample and abs(s.at_s - sample.at_s) < LOOKAHEAD_S]
        return not near or sample.jump > OUTSTANDING * median(near)

    def _lasts(self, sample: _Sample) -> bool:
        near = [s for s in self._samples if abs(s.at_s - sample.at_s) <= SHORTEST_SHOT_S]
        before, after = ([s for s in near if (s.at_s < sample.at_s) is earlier] for earlier in (True, False))
        return all(_distance(b.histogram, a.histogram) > FLASH_SHARE * sample.jump for b, a in product(before, after))

    def _is_inside_dissolve(self, sample: _Sample) -> bool:
        return any(self._is_dissolve(sample.at_s - span_s / 2, sample.at_s + span_s / 2) for span_s in DISSOLVE_SPANS_S)

    def _is_dissolve(self, start_s: float, end_s: float) -> bool:
        step_s = 1 / SAMPLE_RATE_HZ
        inside = [s for s in self._samples if start_s - step_s / 2 <= s.at_s <= end_s + step_s / 2]
        whole = len(inside) >= 5 and inside[0].at_s <= start_s + step_s and inside[-1].at_s >= end_s - step_s
        if not whole or _distance(inside[0].histogram, inside[-1].histogram) < DISSOLVE_DISTANCE:
            return False
        return is_mixture([s.grey for s in inside])


def find_shots(pictures: Iterable[tuple[float, Grey]], *, sparse: bool = False) -> list[float]:
    """Find all shot starts in pictures that are already there, the first picture's included."""
    detector = ShotDetector(sparse=sparse)
    starts = [start_s for at_s, grey in pictures for start_s in detector.add(at_s, grey)]
    return starts + detector.finish()


def cell_histogram(grey: Grey) -> NDArray[np.float64]:
    """Share of the picture in each of 16 levels of brightness in each of 4 x 4 cells.

    Parameters
    ----------
    grey : array, shape (height, width)

    Returns
    -------
    array, shape (256,), sums to 1
    """
    rows = np.arange(grey.shape[0]) * 4 // grey.shape[0]
    columns = np.arange(grey.shape[1]) * 4 // grey.shape[1]
    cells = (rows[:, None] * 4 + columns[None]) * 16
    counts = np.bincount((cells + (grey >> 4)).ravel(), minlength=256)
    share: NDArray[np.float64] = counts / grey.size
    return share


def is_mixture(pictures: list[NDArray[np.float32]]) -> bool:
    """Whether pictures lead from the first to a different last by mixing the two, each a step further.

    The middle one must be well on the way, so that stretches around a dissolve lie centred on it.

    Parameters
    ----------
    pictures : list of arrays of one shape, in order of time
    """
    first, middle, last = pictures[0], pictures[len(pictures) // 2], pictures[-1]
    way = last - first
    if np.abs(way).mean() < DISSOLVE_GREY_LEVELS or _correlation(first, last) > SAME_SCENE_CORRELATION:
        return False
    # One picture is enough to say no, which is the usual answer.
    share, residual = _place_between(first, way, middle)
    if residual > DISSOLVE_RESIDUAL or not _is_paler(middle, share, (first, last)):
        return False
    places = [_place_between(first, way, picture) for picture in pictures]
    steady = all(-0.05 < after - before < DISSOLVE_STEP for (before, _), (after, _) in pairwise(places))
    return steady and all(residual < DISSOLVE_RESIDUAL for _, residual in places)


def _place_between(
    first: NDArray[np.float32], way: NDArray[np.float32], picture: NDArray[np.float32]
) -> tuple[float, float]:
    """How far on the way from the first picture one lies, and how far off it; both as shares of the way."""
    moved = picture - first
    length = float(np.vdot(way, way))
    share = float(np.vdot(moved, way)) / length
    off = moved - np.float32(share) * way
    return share, (float(np.vdot(off, off)) / length) ** 0.5


def _is_paler(middle: NDArray[np.float32], share: float, ends: tuple[NDArray[np.float32], NDArray[np.float32]]) -> bool:
    """Whether a picture well on the way has lost contrast as mixtures do; in a camera movement it keeps it."""
    first, last = ends
    of_mixture = float((first + share * (last - first)).var())
    of_movement = (1 - share) * float(first.var()) + share * float(last.var())
    return 0.2 < share < 0.8 and float(middle.var()) < (of_mixture + of_movement) / 2


def _is_another_picture(before: NDArray[np.float32], after: NDArray[np.float32]) -> bool:
    return float(np.abs(after - before).mean()) > HARD_GREY_LEVELS and _correlation(before, after) < HARD_CORRELATION


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return 0.5 * float(np.abs(a - b).sum())


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Pearson's; 0 when either picture is flat (black, white), since nothing of a scene is in it."""
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > a.size else 0.0
