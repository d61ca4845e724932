"""How often is something suggested, on real outcomes and on outcomes dealt out by chance?

    python -m benchmarks.suggestions [--json] [--shuffles N] [--only NAME ...]

Tables come from GROUNDSWELL_DATA (training parts only). What is expected of a video comes from fits that saw neither
its channel nor anything that a creator could change. For the second figure whole channels swap their outcomes and all
is fitted again: whatever is suggested then is luck. A table shows only what is written in it (title, tags, hashtags,
hour, weekday): faces, sound, pictures and captions need videos that were seen and heard. Leaves 1 when luck suggests
something for 5 % of the low-scoring videos.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.quality_examples import examples_of
from benchmarks.quality_tables import Example, Subject, tiktok_given_age, us_engagement, us_views
from benchmarks.quality_vectors import KeptVectors, data_folder, kept_vectors
from benchmarks.report import Cell, report
from models.comparables import Comparables, Facets, learn_comparables, to_arrays, topic
from models.estimators.examples import Examples, Floats, Groups
from models.estimators.folds import group_folds
from models.estimators.unexplained import unexplained
from models.levers import choices_of
from models.metadata_features import metadata_numbers
from models.suggestions import FALSE_SHARE, Suggestion, suggest

SEED = 5
SHOWN_VIDEOS = 3
TOPIC_BLOCK = "video/text"

TABLES: Mapping[str, tuple[str, Callable[[Path], Subject]]] = {
    "us_views": ("youtube_us_2017/us_videos.csv.gz", us_views),
    "us_engagement": ("youtube_us_2017/us_videos.csv.gz", us_engagement),
    "tiktok_given_age": ("tiktok/tiktok.csv.gz", tiktok_given_age),
}
"""Each truth is a log10."""


@dataclass(frozen=True)
class Case:
    """A table, read and embedded."""

    subject: Subject
    examples: Examples
    facets: Facets
    groups: Groups


@dataclass(frozen=True)
class Told:
    """What was suggested, of how many videos with a low score, and what it cost."""

    comparables: Comparables
    suggestions: list[tuple[Suggestion, ...]]
    low: int
    took_s: float

    @property
    def share(self) -> float:
        """Of the videos with a low score, how many got a suggestion."""
        return sum(map(bool, self.suggestions)) / max(self.low, 1)


def main() -> int:
    """Measure and report; 1 when luck suggests too much."""
    asked = _arguments()
    if (folder := data_folder()) is None:
        return 0
    vectors = kept_vectors()
    met = [_report_table(name, folder, vectors, asked) for name in asked.only or TABLES]
    return int(not all(met))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--shuffles", type=int, default=5, metavar="N", help="how often outcomes are dealt out by chance"
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[*TABLES])
    return parser.parse_args()


def _report_table(name: str, folder: Path, vectors: KeptVectors, asked: argparse.Namespace) -> bool:
    file, read = TABLES[name]
    if not (folder / file).exists():
        print(f"{name}: not measured, {file} is not in {folder}")
        return True
    case = _case(read(folder), vectors)
    told = _tell(case, case.subject.truth)
    lucky = [_tell(case, _dealt(case, seed)).share for seed in range(asked.shuffles)]
    report(f"{name}: how often is something suggested?", [_row(case, told, lucky)], as_json=asked.json)
    report(f"{name}: to some of the videos with low scores", _examples_told(case, told), as_json=asked.json)
    return not lucky or float(np.mean(lucky)) < FALSE_SHARE


def _case(subject: Subject, vectors: KeptVectors) -> Case:
    examples = examples_of(subject, vectors)
    columns = np.flatnonzero(examples.layout.owners == [b.name for b in examples.layout.blocks].index(TOPIC_BLOCK))
    topics = np.array([topic(row) for row in examples.table.values[:, columns]])
    choices = choices_of([_numbers(example) for example in subject.examples])
    categories = tuple(example.metadata.category for example in subject.examples)
    return Case(subject, examples, Facets(topics, choices, categories), subject.groups)


def _numbers(example: Example) -> dict[str, float]:
    numbers = metadata_numbers(example.metadata, example.duration_s)
    return {f"metadata/{name}": value for name, value in numbers.items()}


def _tell(case: Case, truth: Floats) -> Told:
    """Fit, and suggest to every video by predictions of fits that had not seen its channel."""
    folds = group_folds(case.groups)
    residuals = unexplained(case.examples, truth, groups=case.groups, folds=folds, seed=SEED)
    comparables = learn_comparables(
        case.facets,
        residuals,
        truth=truth,
        groups=case.groups,
        topic_block=TOPIC_BLOCK,
        scale="log10",
        unit="log10",
    )
    values = truth - residuals
    suggest(case.facets, values[:1], comparables)
    started_s = time.process_time()
    suggestions = suggest(case.facets, values, comparables)
    took_s = time.process_time() - started_s
    return Told(comparables, suggestions, int((values < comparables.facts.low_below).sum()), took_s)


def _dealt(case: Case, seed: int) -> Floats:
    """Outcomes in another order of channels: those of one channel stay together, as they are alike."""
    order = np.random.default_rng(seed).permutation(case.groups.max() + 1)
    dealt = np.empty(len(case.groups))
    dealt[np.argsort(case.groups, kind="stable")] = case.subject.truth[np.argsort(order[case.groups], kind="stable")]
    return dealt


def _row(case: Case, told: Told, lucky: list[float]) -> dict[str, Cell]:
    features = Counter(suggestion.feature for one in told.suggestions for suggestion in one)
    return {
        "videos": len(case.groups),
        "channels": int(case.groups.max() + 1),
        "low scores": told.low,
        "told, real %": told.share * 100,
        "told, by luck %": float(np.mean(lucky)) * 100 if lucky else None,
        "worst of luck %": max(lucky) * 100 if lucky else None,
        "CPU ms a video": told.took_s / max(told.low, 1) * 1000,
        "carried_bytes": sum(array.nbytes for array in to_arrays(told.comparables).values()),
        "features": ", ".join(f"{name} {count}" for name, count in features.most_common()),
    }


def _examples_told(case: Case, told: Told) -> list[dict[str, Cell]]:
    chosen = [place for place, one in enumerate(told.suggestions) if one]
    step = max(len(chosen) // SHOWN_VIDEOS, 1)
    return [
        {"title": _title(case.subject.examples[place]), "suggestion": suggestion.words}
        for place in chosen[::step][:SHOWN_VIDEOS]
        for suggestion in told.suggestions[place]
    ]


def _title(example: Example) -> str:
    return (example.metadata.title or example.metadata.description)[:50].strip()


if __name__ == "__main__":
    raise SystemExit(main())
