"""How many labels does a class take when the queue chooses what to ask, and how many when chance does?

    python -m benchmarks.labelling [--json] [--labels N]

Nobody is asked: the labels are known, and shown to the queue when it asks. A classifier learns from what was
asked so far and is judged by average precision (AP) on other makers' examples that are never asked about. On
titles of trending videos the classes are their categories; on clips of the WarnerMedia workshop the
classes are its own, with the clips' features where somebody has put them (see ``benchmarks.quality``). Tables come
from GROUNDSWELL_DATA; the made-up ones need nothing.
"""

import argparse
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from benchmarks.quality_scenes import FOLDER, assets_of, definitions_of, features_of, labels_of
from benchmarks.quality_tables import us_views
from benchmarks.quality_vectors import KeptVectors
from benchmarks.report import Cell, report
from models.estimators.examples import Groups
from models.estimators.folds import group_folds
from models.label_queue import Judged, Pool, log_odds, next_round, side_by_side
from models.measures import average_precision
from streams.storage.weights import WeightsCache

ROOT = Path(__file__).parents[1]
DRAWS = 5
SHOWN = (10, 20, 30, 40, 60, 80, 100)
CATEGORIES = ("Sports", "Howto & Style", "Music", "Film & Animation", "Gaming")
GOOD_ENOUGH = 0.9
"""Of what all labels give."""

Bools = NDArray[np.bool_]
Odds = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Question:
    """A class, what can be asked about, and what the answers would be; `held` is judged on and never asked."""

    name: str
    pool: Pool
    truth: Bools
    match: Odds
    held: Bools

    @property
    def ceiling(self) -> float:
        """AP when everything that can be asked is asked."""
        return self.precision(np.flatnonzero(~self.held).tolist())

    def precision(self, asked: list[int]) -> float:
        """AP on held-out examples after some were asked about; the share of the class before anything can be learned."""
        judged = self.judged(asked)
        if not judged.teaches:
            return float(self.truth[self.held].mean())
        return average_precision(self.truth[self.held], log_odds(self.pool, judged)[self.held])

    def judged(self, asked: list[int]) -> Judged:
        """What is known after some were asked about."""
        places = np.array(asked, np.int64)
        return Judged(places, self.truth[places])


Course = Mapping[int, float]
"""Labels given -> AP."""


def by_queue(question: Question, labels: int) -> Course:
    """Ask what the queue wants to know."""
    return _course(question, labels, lambda asked: _wanted(question, asked))


def by_chance(question: Question, labels: int, draws: int = DRAWS) -> Course:
    """Ask in an order drawn by lot; the mean of some draws."""
    each = [_one_draw(question, labels, draw) for draw in range(draws)]
    return {count: float(np.mean([course[count] for course in each])) for count in each[0]}


def needed(course: Course, wanted: float) -> int | None:
    """The fewest labels from which on AP stays at or above what is wanted; None when it never does."""
    good = None
    for count in sorted(course, reverse=True):
        if course[count] < wanted:
            return good
        good = count
    return good


def made_up(seed: int = 7, *, examples: int = 2000, subjects: int = 40, dim: int = 64) -> Question:
    """A rare class of three subjects among forty; its words describe one of them."""
    dice = np.random.default_rng(seed)
    centres = dice.normal(size=(subjects, dim))
    subject = dice.integers(0, subjects, examples)
    vectors = centres[subject] + dice.normal(size=(examples, dim))
    words = centres[0] + dice.normal(size=dim)
    pool = Pool([str(n) for n in range(examples)], side_by_side([{"made": v.astype(np.float32)} for v in vectors]))
    held = dice.random(examples) < 0.5
    return Question(name="made up", pool=pool, truth=subject < 3, match=pool.rows @ words, held=held)


def categories(folder: Path, vectors: KeptVectors, wanted: tuple[str, ...] = CATEGORIES) -> Iterator[Question]:
    """Categories of trending videos by title; half of the channels are held out."""
    subject = us_views(folder)
    metadata = [example.metadata for example in subject.examples]
    pool = _pool(vectors.of([m.title for m in metadata]))
    held = _half(subject.groups)
    for name in wanted:
        truth = np.array([m.category == name for m in metadata])
        yield Question(name=name, pool=pool, truth=truth, match=pool.rows @ vectors.of([name])[0], held=held)


def scenes(folder: Path, vectors: KeptVectors) -> Iterator[Question]:
    """The workshop's classes on its clips' features; half of the films are held out; nothing where there are none."""
    features = features_of(folder / FOLDER)
    if features is None:
        return
    assets, examples, films = assets_of(features)
    truth = labels_of(folder / FOLDER, assets)
    for one in definitions_of(folder / FOLDER):
        pool = Pool(assets, examples.astype(np.float32))
        yield Question(name=one.name, pool=pool, truth=truth[one.name], match=np.zeros(len(assets)), held=_half(films))


def main() -> int:
    """Measure and report."""
    asked = _arguments()
    folder = Path(os.environ.get("GROUNDSWELL_DATA", ROOT.parent / "shared" / "data"))
    cache = Path(os.environ.get("GROUNDSWELL_CACHE", user_cache_path("groundswell")))
    questions = [made_up(seed) for seed in (7, 8, 9)]
    if folder.is_dir():
        vectors = KeptVectors(WeightsCache(cache).fetch("minilm"))
        questions += [*categories(folder, vectors), *scenes(folder, vectors)]
    rows = [row for question in questions for row in _rows(question, asked.labels)]
    report("AP by labels given: the queue's choice beside chance", rows, as_json=asked.json)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--labels", type=int, default=SHOWN[-1], metavar="N", help="give so many labels")
    return parser.parse_args()


def _rows(question: Question, labels: int) -> Iterator[dict[str, Cell]]:
    wanted = GOOD_ENOUGH * question.ceiling
    for how, course in (("queue", by_queue(question, labels)), ("chance", by_chance(question, labels))):
        figures: dict[str, Cell] = {f"ap_{count}": course.get(count) for count in SHOWN if count <= labels}
        yield {
            "class": question.name,
            "share": float(question.truth.mean()),
            "asked": how,
            **figures,
            "ap_all": question.ceiling,
            "labels_to_90%": needed(course, wanted),
        }


def _course(question: Question, labels: int, more: Callable[[list[int]], list[int]]) -> Course:
    asked: list[int] = []
    course: dict[int, float] = {}
    while len(asked) < labels and (new := more(asked)):
        asked = [*asked, *new]
        course[len(asked)] = question.precision(asked)
    return course


def _wanted(question: Question, asked: list[int]) -> list[int]:
    closed = question.held.copy()
    closed[asked] = True
    chosen = next_round(question.pool, question.judged(asked), closed=closed, match=question.match)
    return [one.place for one in chosen]


def _one_draw(question: Question, labels: int, draw: int) -> Course:
    order = np.random.default_rng(draw).permutation(np.flatnonzero(~question.held)).tolist()
    return _course(question, labels, lambda asked: order[len(asked) : len(asked) + 5])


def _pool(rows: NDArray[np.float32]) -> Pool:
    return Pool([str(n) for n in range(len(rows))], side_by_side([{"text": row} for row in rows]))


def _half(groups: Groups) -> Bools:
    held = np.zeros(len(groups), np.bool_)
    held[group_folds(groups, 2)[0].held] = True
    return held


if __name__ == "__main__":
    raise SystemExit(main())
