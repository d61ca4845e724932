"""What the queue asks: never twice, always the same, and so that few labels teach much."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.labelling import Question, by_chance, by_queue, categories, made_up, needed, scenes
from benchmarks.quality_scenes import FOLDER
from benchmarks.quality_vectors import KeptVectors
from models.label_queue import Asked, Judged, Pool, farthest_first, next_round, side_by_side
from schemas.errors import WeightsMissing
from streams.storage.weights import WeightsCache

LABELS = 60


@pytest.fixture(scope="module")
def question() -> Question:
    return made_up()


def judged(question: Question, *places: int) -> Judged:
    return question.judged(list(places))


def ask(question: Question, known: Judged, **given: object) -> list[Asked]:
    closed = np.zeros(len(question.truth), np.bool_)
    closed[known.places] = True
    return next_round(question.pool, known, **({"closed": closed, "match": question.match} | given))  # type: ignore[arg-type]  # as given


def of_both_kinds(question: Question) -> Judged:
    yes, no = np.flatnonzero(question.truth)[:3], np.flatnonzero(~question.truth)[:5]
    return judged(question, *yes.tolist(), *no.tolist())


def test_at_first_the_words_of_the_class_choose(question: Question) -> None:
    asked = ask(question, judged(question))
    best = np.argsort(-question.match, kind="stable")[:12]
    assert [one.why for one in asked] == ["words"] * 4 + ["new"]
    assert {one.place for one in asked[:4]} <= set(best.tolist())
    assert asked[0].chance is None


def test_after_nothing_but_yes_something_else_is_looked_for(question: Question) -> None:
    asked = ask(question, judged(question, *np.flatnonzero(question.truth)[:3].tolist()))
    assert {one.why for one in asked} == {"unlike", "new"}
    assert np.mean(question.match[[one.place for one in asked]]) < np.mean(question.match)


def test_with_both_kinds_a_round_asks_the_unsure_the_likely_and_the_new(question: Question) -> None:
    asked = ask(question, of_both_kinds(question))
    chances = {one.why: [a.chance for a in asked if a.why == one.why] for one in asked}
    assert sorted(one.why for one in asked) == ["likely", "new", "new", "unsure", "unsure"]
    assert all(abs((chance or 0) - 0.5) < 0.1 for chance in chances["unsure"])
    assert (chances["likely"][0] or 0) > 0.7


def test_nothing_is_asked_twice_and_all_is_asked_once(question: Question) -> None:
    closed = np.ones(len(question.truth), np.bool_)
    closed[:33] = False
    seen: list[int] = []
    while new := [one.place for one in ask(question, of_both_kinds(question), closed=closed, shown=seen)]:
        seen += new
        closed[new] = True
    assert sorted(seen) == list(range(33))


def test_the_same_topics_give_the_same_queue_whatever_the_order_of_labels(question: Question) -> None:
    known = of_both_kinds(question)
    turned = Judged(known.places[::-1].copy(), known.truth[::-1].copy())
    once, again, other = ask(question, known), ask(question, known), ask(question, turned)
    assert once == again
    assert [one.place for one in other] == [one.place for one in once]


def test_farthest_first_takes_one_of_each_kind_before_a_second_of_any() -> None:
    rows = np.repeat(np.eye(4, dtype=np.float32), 3, axis=0)
    chosen = farthest_first(rows, np.arange(12), np.array([0]), count=6)
    assert {place // 3 for place in chosen[:3]} == {1, 2, 3}
    assert len(set(chosen)) == 6


def test_a_missing_modality_and_another_models_vector_do_not_mix() -> None:
    rows = side_by_side(
        [
            {"text": np.array([3.0, 4.0], np.float32)},
            {"text": np.array([0.0, 2.0, 0.0], np.float32), "audio": np.array([1.0], np.float32)},
            {},
        ]
    )
    assert rows.shape == (3, 6)
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1.0, 1.0, 0.0])
    assert float(rows[0] @ rows[1]) == 0.0


def test_an_empty_pool_asks_nothing() -> None:
    pool = Pool([], np.zeros((0, 4), np.float32))
    nothing = Judged(np.array([], np.int64), np.array([], np.bool_))
    assert next_round(pool, nothing, closed=np.zeros(0, np.bool_)) == []


@pytest.mark.parametrize("seed", [8, 9, 10])
def test_on_made_up_classes_the_queue_needs_fewer_labels_than_chance(seed: int) -> None:
    question = made_up(seed)
    queue, chance = by_queue(question, LABELS), by_chance(question, LABELS)
    wanted = 0.8 * question.ceiling
    assert (needed(queue, wanted) or 1000) < (needed(chance, wanted) or 1000)


@pytest.mark.slow
def test_on_titles_of_real_videos_classes_need_fewer_labels_than_by_chance(data_folder: Path, cache: Path) -> None:
    if not (data_folder / "youtube_us_2017").is_dir():
        pytest.skip("youtube_us_2017 is not there")
    try:
        vectors = KeptVectors(WeightsCache(cache).folder("minilm"))
    except WeightsMissing as error:
        pytest.skip(str(error))
    for question in categories(data_folder, vectors, ("Sports", "Howto & Style")):
        queue, chance = by_queue(question, LABELS), by_chance(question, LABELS)
        wanted = chance[LABELS]
        assert (needed(queue, wanted) or 1000) <= 2 * LABELS // 3, f"{question.name}: what chance reaches with {LABELS}"


def test_on_scenes_the_queue_needs_fewer_labels_than_chance(data_folder: Path, cache: Path, tmp_path: Path) -> None:
    if not (data_folder / FOLDER / "features.npz").exists():
        pytest.skip("the WarnerMedia clips' audio and video features are not published; nothing to choose by")
    questions = list(scenes(data_folder, KeptVectors(WeightsCache(cache).folder("minilm"), tmp_path)))
    courses = [(by_queue(q, LABELS), by_chance(q, LABELS)) for q in questions]
    reached = [needed(queue, chance[LABELS]) or 2 * LABELS for queue, chance in courses]
    assert np.mean(reached) < LABELS
