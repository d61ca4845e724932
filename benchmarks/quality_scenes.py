"""The scenes of the WarnerMedia workshop: who tells holiday from Halloween, by words, neighbours or a taught line?

The labels of a thousand clips are published, their audio and video features are not. They are read from
``warner_mlci2020/features.npz`` where somebody has put them: ``assets`` (names as in ``assets.txt``) and any of
``audio``, ``video`` and ``text``, one row an asset; and ``tags.json``, asset -> tag -> score.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality_vectors import KeptVectors
from benchmarks.report import Cell
from models.classification import (
    ClassDefinition,
    ClassScores,
    compare,
    match_meaning,
    match_words,
    side_by_side,
    table_of,
)
from models.estimators.examples import Examples
from models.estimators.folds import Fold, group_folds
from models.layout import Block, Layout, Table

FOLDER = "warner_mlci2020"
MODALITIES = ("audio", "video", "text")
NOTEBOOK_FOLDS = 10
PUBLISHED_MACRO_AP = 0.733
GOAL_MACRO_AP = 0.78

_FILM = re.compile(r"-\d+-of-\d+\.mp4$")

Bools = NDArray[np.bool_]


def scenes_rows(folder: Path, vectors: KeptVectors) -> list[dict[str, Cell]]:
    """Every method's figures for each class, by the notebook's own split and by film."""
    place = folder / FOLDER
    if not (place / "features.npz").exists():
        why = f"the clips' audio and video features are not published; expected {FOLDER}/features.npz"
        return [{"not measured": why, "published macro AP": PUBLISHED_MACRO_AP, "goal": GOAL_MACRO_AP}]
    with np.load(place / "features.npz", allow_pickle=False) as archive:
        features = {name: archive[name] for name in archive.files}
    assets = [str(name) for name in features["assets"]]
    truth = labels_of(place, assets)
    rows = side_by_side(_examples(features))
    films = np.unique([_FILM.sub("", name) for name in assets], return_inverse=True)[1].astype(np.int64)
    tables = {
        "notebook": compare(rows, truth, groups=np.arange(len(rows)), split=notebook_folds),
        "by film": compare(rows, truth, groups=films, split=lambda _: group_folds(films)),
        "by words": list(_by_words(place, assets, truth, vectors)),
    }
    return [_row(split, scores) for split, table in tables.items() for scores in table]


def labels_of(place: Path, assets: list[str]) -> dict[str, Bools]:
    """For each class which assets have it: shape (n,)."""
    given = {
        "/".join(line["data"].split("/")[-2:]): set(line["labels"] or ())
        for line in json.loads((place / "labels_final.json").read_text("utf-8"))
    }
    names = [one.name for one in definitions_of(place)]
    return {name: np.array([name in given.get(asset, ()) for asset in assets]) for name in names}


def definitions_of(place: Path) -> list[ClassDefinition]:
    """The classes as the workshop wrote them down."""
    lines = json.loads((place / "classes.json").read_text("utf-8"))
    return [ClassDefinition(line["class"], line["definition"]) for line in lines]


def notebook_folds(truth: Bools) -> tuple[Fold, ...]:
    """Ten folds with equal shares of the class, in the order of the assets: what the notebook's library does unasked."""
    from sklearn.model_selection import StratifiedKFold

    split = StratifiedKFold(NOTEBOOK_FOLDS).split(truth, truth)
    return tuple(Fold(np.asarray(taught, np.int64), np.asarray(held, np.int64)) for taught, held in split)


def _examples(features: Mapping[str, NDArray[np.generic]]) -> Examples:
    spaces = {name: np.asarray(features[name], np.float64) for name in MODALITIES if name in features}
    present = np.array([(np.abs(space) > 0).any(axis=1) for space in spaces.values()]).T
    layout = Layout(tuple(Block(f"segments/{name}", space.shape[1]) for name, space in spaces.items()))
    return Examples(Table(np.hstack(list(spaces.values())), present), layout)


def _by_words(place: Path, assets: list[str], truth: Mapping[str, Bools], vectors: KeptVectors) -> list[ClassScores]:
    if not (place / "tags.json").exists():
        return []
    given: dict[str, dict[str, float]] = json.loads((place / "tags.json").read_text("utf-8"))
    tags = [given.get(asset, {}) for asset in assets]
    names = sorted({tag for own in tags for tag in own})
    spaces = dict(zip(names, vectors.of(names).astype(np.float64), strict=True))
    wanted = definitions_of(place)
    meant = vectors.of([f"{one.name}: {one.definition}" for one in wanted]).astype(np.float64)
    matched = {one.name: match_words(tags, one) for one in wanted}
    near = {one.name: match_meaning(tags, spaces, m) for one, m in zip(wanted, meant, strict=True)}
    return [*table_of("text match", matched, truth), *table_of("tag neighbours", near, truth)]


def _row(split: str, scores: ClassScores) -> dict[str, Cell]:
    return {"split": split, "method": scores.method, "class": scores.name, **scores.figures}
