"""Each network gets frames as it was taught to see them, and its answers mean what they say."""

from collections.abc import Callable

import numpy as np
import pytest
import tiny_networks

from models.mvit_graph import CLASSES, FRAMES
from models.visual import SHORT_SIDE_PX, Picture, crop, shrink
from models.visual_choices import ENCODERS, DinoEncoder, MvitEncoder, ResNet50Encoder, action_names

PICTURES = [tiny_networks.picture(seed, SHORT_SIDE_PX, 400) for seed in range(5)]


class Recorder:
    """A network that remembers what it was given and answers by a function of it."""

    precision = "f32"
    inputs = outputs = ()

    def __init__(self, answer: Callable[[np.ndarray], list[np.ndarray]]) -> None:
        self.answer, self.given = answer, []

    def infer(self, inputs) -> list[np.ndarray]:
        (given,) = inputs.values()
        self.given.append(given)
        return self.answer(given)


def _mean(given: np.ndarray) -> np.ndarray:
    return np.array([[given.astype(np.float64).mean()]], np.float32)


def test_resnet50_sees_the_middle_of_a_frame_whose_short_side_is_232() -> None:
    network = Recorder(lambda given: [_mean(given), np.zeros((1, 1000), np.float32)])
    ResNet50Encoder(network).look(PICTURES[0])
    (given,) = network.given
    assert given.tobytes() == crop(shrink(PICTURES[0], 232)).tobytes()
    assert given.shape == (1, 224, 224, 3)


def test_dinov2_has_a_mean_embedding_and_no_labels() -> None:
    network = Recorder(lambda given: [_mean(given)])
    seen = DinoEncoder(network).watch([float(n) for n in range(5)], PICTURES)
    assert [given.tobytes() for given in network.given] == [crop(picture).tobytes() for picture in PICTURES]
    assert seen.labels == ()
    assert seen.embedding == pytest.approx(np.mean([_mean(crop(picture)) for picture in PICTURES]))


def _frames_shown(count: int) -> list[int]:
    """Which of so many frames the film of 16 is made of."""
    pictures: list[Picture] = [np.full((SHORT_SIDE_PX, 300, 3), place, np.uint8) for place in range(count)]
    network = Recorder(lambda _: [np.zeros((1, 3), np.float32), np.zeros((1, CLASSES), np.float32)])
    MvitEncoder(network).watch([float(n) for n in range(count)], pictures)
    (given,) = network.given
    assert given.shape == (FRAMES, 224, 224, 3)
    return [int(frame[0, 0, 0]) for frame in given]


@pytest.mark.parametrize("count", [1, 2, 5, 16, 17, 100])
def test_the_film_is_spread_evenly_over_all_frames(count: int) -> None:
    shown = _frames_shown(count)
    assert shown[0] == 0
    assert shown[-1] == count - 1
    assert np.diff(shown).min() >= 0
    assert np.ptp(np.diff(shown)) <= 1
    assert len(set(shown)) == min(count, FRAMES)


def test_an_action_is_about_the_whole_segment() -> None:
    logits = np.zeros((1, CLASSES), np.float32)
    logits[0, action_names().index("juggling balls")] = 9
    encoder = MvitEncoder(Recorder(lambda _: [np.ones((1, 3), np.float32), logits]))
    (label,) = encoder.watch([3.0, 4.0, 5.5, 6.0, 7.0], PICTURES).labels
    assert (label.name, label.first_s, label.best_s, label.last_s) == ("juggling balls", 3.0, 5.5, 7.0)
    assert 0.9 < label.score < 1
    assert encoder.look(PICTURES[0]).scores.sum() == pytest.approx(1)


def test_every_action_has_a_name_that_people_can_read() -> None:
    names = action_names()
    assert len(names) == len(set(names)) == CLASSES
    assert (names[0], names[398], names[399]) == ("abseiling", "yoga", "zumba")
    assert all(name == name.strip() and name and not set(name) & set("_/,;|") for name in names)


def test_every_choice_has_a_name_and_a_version_of_its_own() -> None:
    for kinds in ({kind.model for kind in ENCODERS.values()}, {kind.model_version for kind in ENCODERS.values()}):
        assert len(kinds) == len(ENCODERS) == 4
