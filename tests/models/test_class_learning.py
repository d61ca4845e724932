"""Learning several classes: precision of draws, the choice of a way, thresholds, and what classifiers keep."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score

from models.class_choice import choose_method, drawn_precision
from models.class_examples import ClassExamples
from models.class_figures import likely_from, overall
from models.class_learning import ClassTask, learn_classes
from models.classification import ClassDefinition
from models.classifiers import (
    LINES,
    METHODS,
    NEAREST,
    TEXT_MATCH,
    UNKNOWN,
    Lines,
    NearestLabelled,
    Sight,
    TextMatch,
    learn_sight,
    restored_classifier,
)
from models.estimators.examples import Examples
from models.estimators.folds import group_folds
from models.estimators.words import Text
from models.layout import Block, Layout, Table
from models.logistic import reduced
from schemas.errors import ReleaseInvalid

CLASSES = (ClassDefinition("tea", "Somebody drinks tea."), ClassDefinition("bikes", "A bicycle is ridden."))


def examples(count: int = 120, *, words: bool = False) -> ClassExamples:
    """Vectors with a direction for each class."""
    random = np.random.default_rng(1)
    values = random.normal(size=(count, 8))
    said = tuple(Text("tea cup" if row[0] > 0 else "hill road") for row in values) if words else ()
    tags = tuple({"cup of tea": 0.8} if row[0] > 0.5 else {} for row in values)
    layout = Layout((Block("segments/visual", 8),))
    return ClassExamples(Examples(Table(values, np.ones((count, 1), bool)), layout, said), tags)


def task(seen: ClassExamples, *, unknown: float = 0.0) -> ClassTask:
    random = np.random.default_rng(2)
    truth = (seen.examples.table.values[:, :2] > 0).astype(np.float64)
    truth[random.random(truth.shape) < unknown] = np.nan
    groups = np.arange(len(seen)) % 24
    return ClassTask(seen=seen, truth=truth, classes=CLASSES, groups=groups, folds=group_folds(groups))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=40))
def test_precision_of_a_draw_is_that_of_the_rows_repeated(rows: list[tuple[bool, int, int]]) -> None:
    truth, scores, times = (np.array(column) for column in zip(*rows, strict=True))
    (found,) = drawn_precision(truth, scores.astype(float), times[None].astype(float))
    repeated = np.repeat(truth, times)
    if not repeated.any():
        assert np.isnan(found)
    else:
        assert found == pytest.approx(average_precision_score(repeated, np.repeat(scores, times)))


def test_the_simplest_way_that_is_not_clearly_worse_is_chosen() -> None:
    random = np.random.default_rng(0)
    truth = (random.random((200, 1)) < 0.4).astype(np.float64)
    good, noise = truth + random.normal(size=truth.shape) / 3, random.normal(size=truth.shape)
    groups = np.arange(200) // 5
    alike = {"simple": good + random.normal(size=truth.shape) / 1000, "best": good}
    chosen, candidates = choose_method(alike, truth, groups=groups)
    assert chosen.name == "simple"
    assert [one.name for one in candidates] == ["simple", "best"]
    chosen, candidates = choose_method({"simple": noise, "best": good}, truth, groups=groups)
    assert chosen.name == "best"
    assert candidates[0].worse_by > candidates[0].worse_by_error > 0


@pytest.mark.parametrize("unknown", [0.0, 0.3])
def test_classes_are_learned_whatever_nobody_judged(unknown: float) -> None:
    learned = learn_classes(task(examples(), unknown=unknown))
    judged = task(examples()).truth == 1
    right = (learned.judged.chances > 0.5) == judged
    assert right.mean() > 0.85
    assert learned.chosen.name == LINES
    assert set(learned.judged.scores) == set(METHODS)


def test_scores_that_mislead_give_way_to_the_share() -> None:
    seen = examples()
    truth = (np.random.default_rng(9).random((len(seen), 2)) < [0.3, 0.6]).astype(np.float64)
    groups = np.arange(len(seen)) % 24
    noise = ClassTask(seen=seen, truth=truth, classes=CLASSES, groups=groups, folds=group_folds(groups))
    learned = learn_classes(noise)
    measured = overall(truth, learned.judged.chances, learned.judged.base_rates, groups=groups)
    assert -0.1 < measured["skill"] < 0.1
    assert measured["skill_low"] <= 0


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=30).filter(
        lambda r: any(t for t, _ in r)
    )
)
def test_likely_begins_where_f1_is_best(rows: list[tuple[bool, int]]) -> None:
    truth, chances = np.array([t for t, _ in rows]), np.array([c / 6 for _, c in rows])
    best = max(f1_score(truth, chances >= at) for at in chances)
    assert f1_score(truth, chances >= likely_from(truth, chances)) == pytest.approx(best)


def test_nothing_rarer_than_the_base_rate_is_called_likely() -> None:
    truth, chances = np.array([True, False, False, True]), np.array([0.3, 0.3, 0.3, 0.3])
    assert likely_from(truth, chances) == 0.3
    assert likely_from(truth, chances, at_least=0.5) == 0.5


def test_axes_keep_all_distances_of_fewer_rows_than_columns() -> None:
    rows = np.random.default_rng(3).normal(size=(20, 300))
    axes = reduced(rows)
    assert axes.shape == (300, 20)
    assert np.allclose((rows @ axes) @ (rows @ axes).T, rows @ rows.T)
    assert reduced(rows, most=5).shape == (300, 5)
    assert reduced(np.zeros((4, 0))).shape == (0, 0)
    assert reduced(np.zeros((4, 3))).shape == (3, 0)


def test_neighbours_are_asked_only_about_classes_that_they_were_judged_for() -> None:
    rows = np.eye(4)[[0, 0, 1, 1]]
    truth = np.array([[1, UNKNOWN], [UNKNOWN, 0], [0, 1], [0, UNKNOWN]], np.int8)
    scores = NearestLabelled(Sight(), rows, truth).scores_of(np.eye(4)[[0, 1, 2]])
    assert scores[:2].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert scores[2].tolist() == [1 / 3, 0.5], "nobody is alike: the share of those who were judged"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("words", [False, True])
def test_what_is_restored_scores_the_same_bytes_alone_and_together(method: str, words: bool) -> None:
    seen = examples(30, words=words)
    sight = learn_sight(seen)
    rows = sight.rows(seen)
    truth = (seen.examples.table.values[:, :2] > 0).astype(np.int8)
    made = {
        TEXT_MATCH: TextMatch(CLASSES),
        NEAREST: NearestLabelled(sight, rows, truth),
        LINES: Lines(sight, np.round(rows.T[:, :2] * 16) / 16, np.array([0.5, -0.25])),
    }[method]
    again = restored_classifier(method, made.to_arrays(), CLASSES)
    together = again.scores(seen)
    assert together.tobytes() == made.scores(seen).tobytes()
    alone = [again.scores(seen.rows(np.array([place]))) for place in range(len(seen))]
    assert np.concatenate(alone).tobytes() == together.tobytes()


@pytest.mark.parametrize(("method", "arrays"), [("oracle", {}), (LINES, {"weights": np.zeros((1, 1))}), (NEAREST, {})])
def test_what_nobody_knows_is_refused(method: str, arrays: dict[str, np.ndarray]) -> None:
    with pytest.raises(ReleaseInvalid, match=r"update Groundswell|train again"):
        restored_classifier(method, arrays, CLASSES)
