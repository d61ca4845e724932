import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from models.classification import (
    ClassDefinition,
    Neighbours,
    compare,
    fit_line,
    match_meaning,
    match_words,
    meaningful_words,
    side_by_side,
)
from models.estimators.examples import Examples
from models.estimators.folds import group_folds
from models.layout import Block, Layout, Table
from models.measures import classification_measures
from schemas.errors import TrainingImpossible

SHOPPING = ClassDefinition("shopping scenes", "one or more primary actors in a store-like environment")
RANDOM = np.random.default_rng(11)
GROUPS = np.arange(300) % 60


def rows_of_a_class(strength: float) -> tuple[np.ndarray, np.ndarray]:
    truth = RANDOM.random(300) < 0.3
    rows = RANDOM.normal(size=(300, 20))
    rows[:, 0] += strength * truth
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), truth


def test_words_that_carry_no_meaning_match_nothing():
    assert meaningful_words("one or more of the Stores") == {"store"}
    tags = [{"Scene": 0.9}, {"Department store": 0.4, "Actors": 0.7}, {}]
    assert match_words(tags, SHOPPING).tolist() == [0.0, 0.7, 0.0]


def test_the_nearest_tags_count_as_much_as_they_are_near():
    vectors = {"gift": np.array([1.0, 0.0]), "present": np.array([0.8, 0.6]), "goal": np.array([0.0, 1.0])}
    tags = [{"gift": 0.5}, {"present": 1.0, "goal": 1.0}, {"goal": 1.0}]
    scores = match_meaning(tags, vectors, np.array([1.0, 0.0]), neighbours=2)
    assert scores.tolist() == pytest.approx([0.5, 0.8, 0.0])


def test_neighbours_vote_by_how_alike_they_are():
    known = Neighbours(np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]), np.array([True, False, True]))
    assert known.scores(np.array([[1.0, 0.0]]), neighbours=2)[0] == pytest.approx(1 / 1.6)
    assert known.scores(np.zeros((1, 2)))[0] == pytest.approx(2 / 3)


@pytest.mark.parametrize("calibrated", [False, True])
def test_the_line_finds_a_class_that_is_there(calibrated: bool):
    rows, truth = rows_of_a_class(3.0)
    line = fit_line(rows[:200], truth[:200], groups=GROUPS[:200], calibrated=calibrated)
    assert roc_auc_score(truth[200:], line.scores(rows[200:])) > 0.85


def test_a_line_scores_the_same_bytes_in_any_batch():
    rows, truth = rows_of_a_class(2.0)
    line = fit_line(rows, truth, groups=GROUPS)
    together = line.scores(rows)
    assert line.scores(rows[7:8]).tobytes() == together[7:8].tobytes()


@pytest.mark.parametrize("truth", [np.zeros(300, bool), np.ones(300, bool)])
def test_a_class_that_everything_or_nothing_has_cannot_be_learned(truth: np.ndarray):
    with pytest.raises(TrainingImpossible, match="with and without"):
        fit_line(np.ones((300, 2)), truth, groups=GROUPS)


def test_all_methods_are_judged_on_the_same_rows_in_one_table():
    rows, truth = rows_of_a_class(3.0)
    table = compare(rows, {"a": truth, "b": ~truth}, groups=GROUPS, split=lambda _: group_folds(GROUPS, 2))
    assert [(one.method, one.name) for one in table] == [
        (method, name) for method in ("neighbours", "line", "calibrated line") for name in ("a", "b", "macro")
    ]
    figures = {(one.method, one.name): one.figures for one in table}
    assert figures["line", "macro"]["ap"] == pytest.approx(
        (figures["line", "a"]["ap"] + figures["line", "b"]["ap"]) / 2
    )
    assert figures["line", "a"]["auc"] > 0.8


def test_figures_are_those_of_scikit_learn():
    scores, truth = RANDOM.random(200).round(1), RANDOM.random(200) < 0.4
    figures = classification_measures(truth, scores)
    assert figures["ap"] == pytest.approx(average_precision_score(truth, scores))
    assert figures["auc"] == pytest.approx(roc_auc_score(truth, scores))
    assert figures["f1"] == pytest.approx(f1_score(truth, scores >= 0.5))


def test_vectors_stand_side_by_side_at_length_one():
    layout = Layout((Block("segments/audio", 2), Block("segments/visual", 2), Block("numbers/words")))
    present = np.array([[True, True, True], [True, False, True]])
    values = np.array([[3.0, 4.0, 0.0, 2.0, 7.0], [0.0, 5.0, 0.0, 0.0, 7.0]])
    rows = side_by_side(Examples(Table(values, present), layout))
    assert rows == pytest.approx(np.array([[0.6, 0.8, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0]]), abs=1e-6)
