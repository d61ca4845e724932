"""Subjects as the estimators read them: the layout's blocks, by the same feature code as live scoring."""

from collections import Counter

import numpy as np

from benchmarks.quality_tables import Example, Subject
from benchmarks.quality_vectors import KeptVectors
from models.estimators.examples import Examples
from models.estimators.words import Text
from models.layout import Block, Layout, Table
from models.metadata_features import metadata_numbers
from models.own_words import own_words

SPOKEN_CHARACTERS = 1_500
"""Of what is said, so much is embedded: one window or two; the words themselves are all counted."""

MIN_SHARE = 0.02


def examples_of(subject: Subject, vectors: KeptVectors) -> Examples:
    """Lay a subject's examples out as rows of numbers, vectors and words."""
    numbers = [_numbers(example) for example in subject.examples]
    texts = {
        "video/text": [own_words(example.metadata) for example in subject.examples],
        "segments/text": [example.spoken[:SPOKEN_CHARACTERS] for example in subject.examples],
    }
    if not subject.embeds_speech:
        del texts["segments/text"]
    spaces = {name: vectors.of(lines) for name, lines in texts.items() if any(lines)}
    names = _frequent(numbers)
    blocks = [*(Block(name, space.shape[1]) for name, space in spaces.items()), *map(Block, names)]
    singles = np.array([[_value(row, name) for name in names] for row in numbers]).reshape(len(numbers), len(names))
    present = [*((np.abs(space) > 0).any(axis=1) for space in spaces.values()), *(~np.isnan(singles)).T]
    values = np.hstack([*spaces.values(), np.nan_to_num(singles)]).astype(np.float64)
    said = tuple(Text(f"{own_words(example.metadata)}\n{example.spoken}") for example in subject.examples)
    return Examples(Table(values, np.array(present).T), Layout(tuple(blocks)), said)


def _numbers(example: Example) -> dict[str, float]:
    numbers = {
        f"metadata/{name}": value for name, value in metadata_numbers(example.metadata, example.duration_s).items()
    }
    numbers |= {f"numbers/{name}": value for name, value in example.numbers.items()}
    if example.metadata.category:
        numbers["category/"] = 0.0
        numbers[f"category/{example.metadata.category}"] = 1.0
    return numbers


def _value(row: dict[str, float], name: str) -> float:
    return row.get(name, row.get("category/", np.nan) if name.startswith("category/") else np.nan)


def _frequent(numbers: list[dict[str, float]]) -> list[str]:
    counts = Counter(name for row in numbers for name in row if name != "category/")
    return sorted(name for name, count in counts.items() if count >= MIN_SHARE * len(numbers))
