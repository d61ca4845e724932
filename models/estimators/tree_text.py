"""Whether a text is a model of trees, checked before anything in it is believed."""

import math
from collections.abc import Callable, Mapping
from typing import TypeVar

from schemas.errors import ReleaseInvalid

MAX_LEAVES = 4096
MAX_TREES = 10_000

_HEAD = frozenset(
    [
        "tree",
        "version",
        "num_class",
        "num_tree_per_iteration",
        "label_index",
        "max_feature_idx",
        "objective",
        "average_output",
        "feature_names",
        "feature_infos",
        "tree_sizes",
    ]
)
_PER_LEAF = ("leaf_value", "leaf_weight", "leaf_count")
_PER_CUT = (
    "split_feature",
    "split_gain",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "internal_value",
    "internal_weight",
    "internal_count",
)
_SINGLE = ("num_leaves", "num_cat", "is_linear", "shrinkage")
_FOREIGN = 1 | 4
"""Bits of a decision type: categories, and zeros that count as missing; our trees have neither."""
_LAST_DECISION_TYPE = 15

Fields = Mapping[str, str]
_Number = TypeVar("_Number", int, float)


def check_tree_text(model: bytes, *, features: int) -> None:
    """Check sizes, counts, indices and that every tree is one.

    Parameters
    ----------
    model : bytes
        LightGBM's text form, version 4.
    features : int
        Columns it will be given.

    Raises
    ------
    ReleaseInvalid
        It is not, or its trees are of a kind that we never teach.
    """
    try:
        text = model.decode("ascii")
        head, place = _head(text)
        _demand(int(head["max_feature_idx"]) == features - 1, f"expected {features} features")
        _demand(head["num_class"] == head["num_tree_per_iteration"] == "1", "expected one value a row")
        sizes = [int(size) for size in head["tree_sizes"].split()]
        _demand(len(sizes) <= MAX_TREES, f"{len(sizes)} trees, expected at most {MAX_TREES}")
        for number, size in enumerate(sizes):
            _check_tree(text[place : place + max(size, 0)], number, features)
            place += size
        _demand(text[place:].lstrip("\n").startswith("end of trees"), "trees do not end where they should")
    except (KeyError, ValueError) as error:
        raise ReleaseInvalid(f"the trees of the release cannot be read: {error}; train again") from error


def _head(text: str) -> tuple[Fields, int]:
    place = text.index("Tree=0\n") if "Tree=0\n" in text else text.index("end of trees")
    head = _fields(text[:place])
    _demand(set(head) <= _HEAD, f"unknown entries {sorted(set(head) - _HEAD)}")
    return {"tree_sizes": "", **head}, place


def _fields(lines: str) -> Fields:
    """Entries of the form ``name=value``, each at most once."""
    pairs = [line.partition("=") for line in lines.split("\n") if line]
    fields = {name: value for name, _, value in pairs}
    _demand(len(fields) == len(pairs), "an entry is there twice")
    return fields


def _check_tree(text: str, number: int, features: int) -> None:
    start = f"Tree={number}\n"
    _demand(text.startswith(start) and text.endswith("\n"), f"tree {number} is not where it should be")
    tree = _fields(text.removeprefix(start))
    _demand(set(tree) <= {*_SINGLE, *_PER_LEAF, *_PER_CUT}, f"tree {number} has unknown entries")
    leaves = int(tree["num_leaves"])
    _demand(1 <= leaves <= MAX_LEAVES, f"tree {number} has {leaves} leaves")
    _demand(tree["num_cat"] == "0" and tree.get("is_linear", "0") == "0", f"tree {number} is of another kind")
    if leaves == 1:
        _demand(len(_numbers(tree["leaf_value"], float)) == 1, f"tree {number} has no value")
        return
    columns = {name: _numbers(tree[name], float) for name in (*_PER_LEAF, *_PER_CUT)}
    _demand(all(len(columns[name]) == leaves for name in _PER_LEAF), f"tree {number} lacks leaves")
    _demand(all(len(columns[name]) == leaves - 1 for name in _PER_CUT), f"tree {number} lacks cuts")
    _demand(all(map(math.isfinite, columns["leaf_value"])), f"tree {number} has no values")
    _demand(all(0 < count < math.inf for count in columns["internal_count"]), f"tree {number} was taught on nothing")
    _demand(all(0 <= count < math.inf for count in columns["leaf_count"]), f"tree {number} counts less than nothing")
    _check_cuts(tree, leaves=leaves, features=features)


def _check_cuts(tree: Fields, *, leaves: int, features: int) -> None:
    """Cuts read columns that exist, and lead to every later cut and every leaf exactly once."""
    _demand(all(0 <= f < features for f in _numbers(tree["split_feature"], int)), "a cut reads a column that is not")
    kinds = _numbers(tree["decision_type"], int)
    _demand(all(0 <= k <= _LAST_DECISION_TYPE and not k & _FOREIGN for k in kinds), "a cut is of another kind")
    left, right = _numbers(tree["left_child"], int), _numbers(tree["right_child"], int)
    _demand(
        all(child < 0 or child > cut for side in (left, right) for cut, child in enumerate(side)), "a cut leads back"
    )
    _demand(sorted([*left, *right]) == [*range(-leaves, 0), *range(1, leaves - 1)], "cuts lead nowhere")


def _numbers(text: str, kind: Callable[[str], _Number]) -> list[_Number]:
    return [kind(part) for part in text.split(" ") if part]


def _demand(met: bool, otherwise: str) -> None:
    if not met:
        raise ValueError(otherwise)
