"""What holds for every estimator, whatever it learns."""

import io
from dataclasses import replace

import msgspec
import numpy as np
import pytest
import schooling

from models.estimators.constant import Constant
from models.estimators.curve import examples_needed
from models.estimators.examples import Estimator, Examples, Fitted, Stored
from models.estimators.kernel import GAMMAS, PENALTIES, KernelRidge
from models.estimators.linear import RidgeRegression
from models.estimators.phrasing import Phrasing
from models.estimators.restore import restored
from models.estimators.selection import everyone
from models.estimators.stack import FittedStack
from models.estimators.trees import Trees, gradient_boosting, random_forest
from models.layout import Table
from models.ridge import TERM_STEPS
from schemas.errors import ReleaseInvalid

EXAMPLES = schooling.examples()
TRUTH = schooling.truth(EXAMPLES)
GROUPS = schooling.groups()
FEW_TREES = 50


def few(trees: Trees) -> Trees:
    return replace(trees, count=FEW_TREES)


class Stacked:
    """All members at once, with weights of different size."""

    name = "stack"

    def fit(self, examples: Examples, truth, *, groups, seed: int) -> Fitted:
        members = (RidgeRegression(), KernelRidge(), Phrasing(), few(gradient_boosting()))
        fitted = tuple(member.fit(examples, truth, groups=groups, seed=seed) for member in members)
        return FittedStack(fitted, (0.25, 0.125, 0.0625, 0.5), float(truth.mean()))


ALL: tuple[Estimator, ...] = (
    Constant(),
    RidgeRegression(),
    KernelRidge(),
    KernelRidge(landmarks=50),
    Phrasing(),
    few(gradient_boosting()),
    few(random_forest()),
    Stacked(),
)
of_every_estimator = pytest.mark.parametrize("estimator", ALL, ids=lambda e: e.name)


def taught(estimator: Estimator, seed: int = 7) -> Fitted:
    return estimator.fit(EXAMPLES, TRUTH, groups=GROUPS, seed=seed)


def as_bytes(stored: Stored) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **stored.arrays)
    return msgspec.json.encode([stored.kind, stored.parameters]) + buffer.getvalue()


def from_bytes(content: bytes, kind: str) -> Stored:
    start = content.index(b"PK")
    _, parameters = msgspec.json.decode(content[:start])
    with np.load(io.BytesIO(content[start:]), allow_pickle=False) as archive:
        return Stored(kind, parameters, {name: archive[name] for name in archive.files})


@of_every_estimator
def test_the_same_rows_and_seed_give_the_same_bytes(estimator: Estimator):
    assert as_bytes(taught(estimator).to_arrays()) == as_bytes(taught(estimator).to_arrays())


@of_every_estimator
def test_a_prediction_has_the_same_bytes_in_any_batch(estimator: Estimator):
    fitted = taught(estimator)
    together = fitted.predict(EXAMPLES)
    for places in (np.array([0]), np.array([17, 3]), np.arange(100, 199)):
        assert fitted.predict(EXAMPLES.rows(places)).tobytes() == together[places].tobytes()


@of_every_estimator
def test_parts_add_up_to_the_prediction_exactly(estimator: Estimator):
    fitted = taught(estimator)
    parts = fitted.contributions(EXAMPLES)
    assert parts.parts.shape == (240, len(EXAMPLES.part_names))
    sums = parts.parts.sum(axis=1) + parts.base
    assert (sums == np.rint(fitted.predict(EXAMPLES) * TERM_STEPS).astype(np.int64)).all()


@of_every_estimator
def test_what_was_stored_predicts_the_same_bytes(estimator: Estimator):
    fitted = taught(estimator)
    stored = fitted.to_arrays()
    again = restored(from_bytes(as_bytes(stored), stored.kind))
    assert again.predict(EXAMPLES).tobytes() == fitted.predict(EXAMPLES).tobytes()
    assert again.contributions(EXAMPLES).parts.tobytes() == fitted.contributions(EXAMPLES).parts.tobytes()


@of_every_estimator
def test_what_is_missing_adds_nothing_that_is_not_finite(estimator: Estimator):
    table = EXAMPLES.table
    nothing = Examples(Table(np.zeros_like(table.values), np.zeros_like(table.present)), EXAMPLES.layout)
    assert np.isfinite(taught(estimator).predict(nothing)).all()


@pytest.mark.parametrize("estimator", ALL[1:], ids=lambda e: e.name)
def test_every_estimator_beats_the_constant_where_there_is_something_to_learn(estimator: Estimator):
    fresh = schooling.examples(seed=9)
    outcome = schooling.truth(fresh, seed=10)
    errors = ((taught(estimator).predict(fresh) - outcome) ** 2).mean()
    assert errors < ((TRUTH.mean() - outcome) ** 2).mean()


@pytest.mark.parametrize("estimator", [RidgeRegression(), few(gradient_boosting())], ids=lambda e: e.name)
def test_the_part_that_matters_most_is_the_largest(estimator: Estimator):
    tags = EXAMPLES.table.values[:, 19]
    fitted = estimator.fit(EXAMPLES, tags + 0.1 * TRUTH, groups=GROUPS, seed=1)
    sizes = np.abs(fitted.contributions(EXAMPLES).parts).mean(axis=0)
    assert EXAMPLES.part_names[int(sizes.argmax())] == "metadata/tags"


def test_the_kernel_speaks_of_vectors_and_phrasing_of_words_only():
    kernel = taught(KernelRidge()).contributions(EXAMPLES).parts.any(axis=0)
    words = taught(Phrasing()).contributions(EXAMPLES).parts.any(axis=0)
    assert dict(zip(EXAMPLES.part_names, kernel, strict=True)) == dict.fromkeys(EXAMPLES.part_names, False) | {
        "video/text": True,
        "segments/text": True,
    }
    assert words.tolist() == [False] * 5 + [True]


def test_landmarks_for_every_row_give_what_plain_kernel_ridge_gives():
    from sklearn.kernel_ridge import KernelRidge as Sklearn

    only = Examples(
        Table(EXAMPLES.table.values[:, :12], np.ones((240, 1), bool)), type(EXAMPLES.layout)(EXAMPLES.layout.blocks[:1])
    )
    values = only.table.values + 1e-3
    only = Examples(Table(values, only.table.present), only.layout)
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    ours = KernelRidge().fit(only, TRUTH, groups=GROUPS, seed=1).predict(only) - TRUTH.mean()
    theirs = [
        Sklearn(kernel="rbf", gamma=gamma, alpha=penalty).fit(unit, TRUTH - TRUTH.mean()).predict(unit)
        for gamma in GAMMAS
        for penalty in PENALTIES
    ]
    assert min(np.abs(ours - one).max() for one in theirs) < 2e-3


def test_boosting_grows_fewer_trees_where_there_is_nothing_to_learn():
    luck = np.random.default_rng(3).normal(size=len(TRUTH))
    many, few_only = (
        gradient_boosting().fit(EXAMPLES, truth, groups=GROUPS, seed=7).model.count(b"\nTree=")
        for truth in (TRUTH, luck)
    )
    assert few_only <= 50 < 150 <= many <= gradient_boosting().count


def test_members_come_with_the_simplest_first_and_different_names():
    names = [member.name for member in everyone()]
    assert names == ["ridge", "kernel ridge", "phrasing", "gradient boosting", "random forest"]


@pytest.mark.parametrize("stored", [Stored("oracle"), Stored("ridge", {"intercept": 1.0}), Stored("stack", {})])
def test_what_this_version_cannot_restore_is_refused(stored: Stored):
    with pytest.raises(ReleaseInvalid, match="train again"):
        restored(stored)


def test_no_curve_without_points():
    assert examples_needed([]) is None
