"""Each network gets frames as it was taught to see them, and its answers mean what they say."""

from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import tiny_networks

from models import backend, dinov2_graph, mvit_graph, resnet50_graph
from models.mvit_graph import CLASSES, FRAMES
from models.visual import SHORT_SIDE_PX, crop, shrink
from models.visual_choices import ENCODERS, DinoEncoder, MvitEncoder, ResNet50Encoder, action_names, spread

PICTURES = [tiny_networks.picture(seed, SHORT_SIDE_PX, 400) for seed in range(5)]
TIMES_S = [3.0, 4.0, 5.5, 6.0, 7.0]


def _network(folder: Path, model: ov.Model) -> backend.Network:
    ov.save_model(model, folder / "network.xml", compress_to_fp16=False)
    return backend.load(folder / "network.xml")


def test_resnet50_sees_the_middle_of_a_frame_whose_short_side_is_232(tmp_path: Path) -> None:
    network = _network(tmp_path, resnet50_graph.build(tiny_networks.resnet50()))
    embedding, logits = network.infer({"pixels": crop(shrink(PICTURES[0], 232))[None]})
    seen = ResNet50Encoder(network).run(PICTURES[0])
    assert (seen[0].tobytes(), seen[1].tobytes()) == (embedding.tobytes(), logits.tobytes())


def test_dinov2_has_a_mean_embedding_and_no_labels(tmp_path: Path) -> None:
    network = _network(tmp_path, dinov2_graph.build(tiny_networks.dinov2()))
    seen = DinoEncoder(network).watch(TIMES_S, PICTURES)
    each = [network.infer({"pixels": crop(picture)[None]})[0][0] for picture in PICTURES]
    assert seen.labels == ()
    np.testing.assert_allclose(seen.embedding, np.mean(each, axis=0), atol=1e-6)


def test_an_action_is_about_the_whole_segment(tmp_path: Path) -> None:
    arrays = tiny_networks.mvit()
    arrays["head.1.bias"][action_names().index("juggling balls")] = 20
    network = _network(tmp_path, mvit_graph.build(arrays))
    seen = MvitEncoder(network).watch(TIMES_S, PICTURES)
    (label,) = seen.labels
    assert (label.name, label.first_s, label.best_s, label.last_s) == ("juggling balls", 3.0, 5.5, 7.0)
    assert label.score > 0.9
    film = np.stack([crop(PICTURES[place]) for place in spread(5)])
    assert network.infer({"frames": film})[0][0].tobytes() == seen.embedding.tobytes()
    still = MvitEncoder(network).look(PICTURES[0])
    assert still.scores.sum() == pytest.approx(1)
    assert not np.allclose(still.embedding, seen.embedding, atol=1e-3)


@pytest.mark.parametrize("count", [1, 2, 5, 16, 17, 100])
def test_a_film_is_spread_evenly_over_all_frames(count: int) -> None:
    places = spread(count)
    assert len(places) == FRAMES
    assert (places[0], places[-1]) == (0, count - 1)
    assert np.diff(places).min() >= 0
    assert np.ptp(np.diff(places)) <= 1
    assert len(set(places)) == min(count, FRAMES)


def test_every_action_has_a_name_that_people_can_read() -> None:
    names = action_names()
    assert len(names) == len(set(names)) == CLASSES
    assert (names[0], names[398], names[399]) == ("abseiling", "yoga", "zumba")
    assert all(name == name.strip() and name and not set(name) & set("_/,;|") for name in names)


def test_every_choice_has_a_name_and_a_version_of_its_own() -> None:
    for kinds in ({kind.model for kind in ENCODERS.values()}, {kind.model_version for kind in ENCODERS.values()}):
        assert len(kinds) == len(ENCODERS) == 4
