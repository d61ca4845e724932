"""The scenes of the WarnerMedia workshop: who tells holiday from Halloween, by words, neighbours or a taught line?

The labels of a thousand clips are published, their audio and video features are not. They are read from
``warner_mlci2020/features.npz`` where somebody has put them: ``assets`` (names as in ``assets.txt``) and any of
``audio``, ``video`` and ``text``, one row an asset; and ``tags.json``, asset -> tag -> score. Without them the clips
are known by their names alone, as a table of links would be: which search found the film, and which film it is. That says
how much of a figure by the notebook's split, where clips of one film stand on both sides, is the film known again.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
from models.estimators.examples import Examples, Groups
from models.estimators.folds import Fold, group_folds
from models.layout import Block, Layout, Table

FOLDER = "warner_mlci2020"
MODALITIES = ("audio", "video", "text")
NOTEBOOK_FOLDS = 10
_WORDS = re.compile(r"[a-z]+|\d+")
_LETTERS = re.compile(r"[a-z]{3,}")
_FILM = re.compile(r"-\d+-of-\d+\.mp4$")

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Features = Mapping[str, NDArray[np.generic]]


def scenes_rows(folder: Path, vectors: KeptVectors) -> list[dict[str, Cell]]:
    """Every method's figures for each class, by the notebook's own split and by film."""
    place = folder / FOLDER
    if not (place / "labels_final.json").exists():
        return [{"not measured": f"expected {FOLDER}/labels_final.json"}]
    features = features_of(place)
    known_by = "features" if features else "names alone"
    assets, rows, films = assets_of(features or named_only(place, vectors))
    truth = labels_of(place, assets)
    tables = {
        "notebook": compare(rows, truth, groups=np.arange(len(rows)), split=notebook_folds),
        "by film": compare(rows, truth, groups=films, split=lambda _: group_folds(films)),
        "by words": list(_by_words(place, assets, truth, vectors)),
    }
    return [_row(known_by, split, scores) for split, table in tables.items() for scores in table]


def features_of(place: Path) -> Features | None:
    """The clips' features where somebody has put them."""
    if not (place / "features.npz").exists():
        return None
    with np.load(place / "features.npz", allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def named_only(place: Path, vectors: KeptVectors) -> Features:
    """What the labelled clips' names say, for want of features."""
    known = {_asset(line) for line in _labelled(place)}
    assets = [name for name in (place / "assets.txt").read_text("utf-8").split() if name in known]
    films = [" ".join(_WORDS.findall(_FILM.sub("", name))) for name in assets]
    return {"assets": np.array(assets), "text": vectors.of(films)}


def assets_of(features: Features) -> tuple[list[str], Floats, Groups]:
    """The clips' names, their vectors side by side, and of which film each is."""
    assets = [str(name) for name in features["assets"]]
    films = np.unique([_FILM.sub("", name) for name in assets], return_inverse=True)[1].astype(np.int64)
    return assets, side_by_side(_examples(features)), films


def labels_of(place: Path, assets: list[str]) -> dict[str, Bools]:
    """For each class which assets have it: shape (n,)."""
    given = {_asset(line): set(line["labels"] or ()) for line in _labelled(place)}
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


def _labelled(place: Path) -> list[dict[str, Any]]:  # Any: a JSON file's
    lines: list[dict[str, Any]] = json.loads((place / "labels_final.json").read_text("utf-8"))
    return lines


def _asset(line: Mapping[str, Any]) -> str:
    return "/".join(line["data"].split("/")[-2:])


def _examples(features: Features) -> Examples:
    spaces = {name: np.asarray(features[name], np.float64) for name in MODALITIES if name in features}
    present = np.array([(np.abs(space) > 0).any(axis=1) for space in spaces.values()]).T
    layout = Layout(tuple(Block(f"segments/{name}", space.shape[1]) for name, space in spaces.items()))
    return Examples(Table(np.hstack(list(spaces.values())), present), layout)


def _by_words(place: Path, assets: list[str], truth: Mapping[str, Bools], vectors: KeptVectors) -> list[ClassScores]:
    tags = _tags_of(place, assets)
    names = sorted({tag for own in tags for tag in own})
    spaces = dict(zip(names, vectors.of(names).astype(np.float64), strict=True))
    wanted = definitions_of(place)
    meant = vectors.of([f"{one.name}: {one.definition}" for one in wanted]).astype(np.float64)
    matched = {one.name: match_words(tags, one) for one in wanted}
    near = {one.name: match_meaning(tags, spaces, m) for one, m in zip(wanted, meant, strict=True)}
    return [*table_of("text match", matched, truth), *table_of("tag neighbours", near, truth)]


def _tags_of(place: Path, assets: list[str]) -> list[dict[str, float]]:
    """Each clip's tags; the words of its name where there are none."""
    if not (place / "tags.json").exists():
        return [dict.fromkeys(_LETTERS.findall(asset.removesuffix(".mp4")), 1.0) for asset in assets]
    given: dict[str, dict[str, float]] = json.loads((place / "tags.json").read_text("utf-8"))
    return [given.get(asset, {}) for asset in assets]


def _row(known_by: str, split: str, scores: ClassScores) -> dict[str, Cell]:
    return {"known by": known_by, "split": split, "method": scores.method, "class": scores.name, **scores.figures}
