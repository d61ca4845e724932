"""Each number says of made pictures what a person would say of them."""

import math

import cv2
import numpy as np
import pytest

from models.picture_numbers import (
    colourfulness_levels,
    contrast_share,
    grey,
    look_numbers,
    motion_levels,
    segment_numbers,
    sharpness_levels,
)

BLACK, WHITE = (np.full((256, 300, 3), level, np.uint8) for level in (0, 255))
NOISE = np.random.default_rng(3).integers(0, 256, (256, 300, 3), np.uint8)
HALVES = np.concatenate([BLACK[:128], WHITE[:128]])
RED = BLACK + np.array([255, 0, 0], np.uint8)


def _moved(x_px: int) -> np.ndarray:
    picture = BLACK.copy()
    picture[100:160, x_px : x_px + 60] = 255
    return picture


@pytest.mark.parametrize(
    ("picture", "name", "expected"),
    [
        (BLACK, "brightness_share", 0.0),
        (WHITE, "brightness_share", 1.0),
        (HALVES, "brightness_share", 0.5),
        (RED, "brightness_share", 76 / 255),
        (WHITE, "contrast_share", 0.0),
        (HALVES, "contrast_share", 0.5),
        (WHITE, "saturation_share", 0.0),
        (BLACK, "saturation_share", 0.0),
        (RED, "saturation_share", 1.0),
        (HALVES, "colourfulness_levels", 0.0),
        (RED, "colourfulness_levels", 0.3 * math.hypot(255, 127.5)),
        (WHITE, "sharpness_levels", 0.0),
    ],
)
def test_a_plain_picture_has_the_number_one_can_work_out(picture: np.ndarray, name: str, expected: float) -> None:
    assert look_numbers(picture)[name] == pytest.approx(expected, abs=1e-6)


def test_colourfulness_is_the_published_formula() -> None:
    red, green, blue = (NOISE[:, :, channel].astype(np.float64) for channel in range(3))
    red_green, yellow_blue = red - green, 0.5 * (red + green) - blue
    spread = math.sqrt(red_green.var() + yellow_blue.var())
    centre = math.sqrt(red_green.mean() ** 2 + yellow_blue.mean() ** 2)
    assert colourfulness_levels(NOISE) == pytest.approx(spread + 0.3 * centre, rel=1e-6)


def test_blurring_takes_sharpness_and_contrast() -> None:
    sharp, blurred = grey(NOISE), grey(np.asarray(cv2.GaussianBlur(NOISE, (0, 0), 3)))
    assert sharpness_levels(blurred) < sharpness_levels(sharp) / 20
    assert contrast_share(blurred) < contrast_share(sharp)


def test_faster_things_move_more() -> None:
    still, slow, fast = (motion_levels(grey(_moved(20)), grey(_moved(x_px))) for x_px in (20, 40, 120))
    assert still == 0
    assert 0 < slow < fast


def test_a_lasting_change_of_light_is_no_motion() -> None:
    dark, bright = np.full((256, 300), 40, np.uint8), np.full((256, 300), 90, np.uint8)
    assert motion_levels(dark, bright) == 0


def _segment(
    pictures: list[np.ndarray], cuts_s: tuple[float, ...] = (), span_s: tuple[float, float] = (10, 16)
) -> dict[str, float]:
    times_s = [10.0 + place for place in range(len(pictures))]
    return segment_numbers(times_s, pictures, span_s=span_s, cuts_s=cuts_s)


def test_a_segment_has_the_mean_of_its_frames() -> None:
    numbers = _segment([BLACK, WHITE, WHITE, WHITE])
    assert numbers["brightness_share"] == 0.75
    assert set(numbers) == {*look_numbers(BLACK), "motion_levels", "cuts_per_minute"}


def test_a_cut_is_no_motion() -> None:
    assert _segment([_moved(20), HALVES, HALVES], cuts_s=(10.5,))["motion_levels"] == 0
    assert _segment([_moved(20), HALVES, HALVES], cuts_s=(11.0,))["motion_levels"] == 0
    assert _segment([_moved(20), HALVES, HALVES])["motion_levels"] > 10


def test_without_two_frames_of_one_shot_there_is_no_motion_to_speak_of() -> None:
    assert "motion_levels" not in _segment([BLACK])
    assert "motion_levels" not in _segment([BLACK, WHITE], cuts_s=(10.9,))


@pytest.mark.parametrize(
    ("cuts_s", "span_s", "expected"),
    [
        ((), (10, 16), 0.0),
        ((10.0, 12.5, 15.9), (10, 16), 30.0),
        ((16.0, 9.0), (10, 16), 0.0),
        ((0.0, 3.0), (0, 6), 10.0),
    ],
    ids=["none", "three", "of others", "the first shot"],
)
def test_cuts_are_counted_a_minute(cuts_s: tuple, span_s: tuple, expected: float) -> None:
    assert _segment([BLACK], cuts_s, span_s)["cuts_per_minute"] == expected


def test_a_moment_has_no_rate_of_cuts() -> None:
    assert "cuts_per_minute" not in _segment([BLACK], (10.0,), (10, 10.4))


@pytest.mark.parametrize("shape", [(256, 256, 3), (256, 5000, 3), (2000, 256, 3)])
def test_any_shape_has_finite_numbers(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(4).integers(0, 256, shape, np.uint8)
    assert all(math.isfinite(value) for value in _segment([picture, picture[::-1]]).values())
