"""Where shots begin, found in small grey pictures."""

import cv2
import numpy as np
import pytest

from models.media.shots import ShotDetector, cell_histogram, find_shots

RATE_HZ = 25.0


def scene(number, shift_px=0.0, shape=(54, 96)):
    """A pattern with structure at every scale, moved sideways."""
    generator = np.random.default_rng(number)
    large = cv2.resize(generator.uniform(0, 255, (5, 12)), (192, 54), interpolation=cv2.INTER_CUBIC)
    small = cv2.resize(generator.normal(0, 12, (27, 96)), (192, 54), interpolation=cv2.INTER_LINEAR)
    moved = cv2.warpAffine(
        large + small, np.array([[1.0, 0, -shift_px], [0, 1, 0]]), shape[::-1], borderMode=cv2.BORDER_REFLECT
    )
    return np.clip(moved, 0, 255)


def grey(picture):
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def film(picture_at, duration_s, rate_hz=RATE_HZ):
    times_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return [(float(at_s), grey(picture_at(at_s))) for at_s in times_s]


def test_a_hard_cut_is_found_to_the_frame():
    pictures = film(lambda at_s: scene(1 if at_s < 2.04 else 2, at_s * 5), 4)
    assert find_shots(pictures) == pytest.approx([0.0, 2.04])


def test_the_first_shot_begins_with_the_first_picture_however_late():
    pictures = [(at_s + 0.852, picture) for at_s, picture in film(lambda at_s: scene(1), 2)]
    assert find_shots(pictures) == [0.852]


@pytest.mark.parametrize("length_s", [0.4, 0.8, 1.5, 2.5])
def test_a_dissolve_begins_a_shot_in_its_middle(length_s):
    def picture_at(at_s):
        share = np.clip((at_s - 2) / length_s, 0, 1)
        return scene(1, at_s) * (1 - share) + scene(2, at_s) * share

    starts_s = find_shots(film(picture_at, 6))
    assert len(starts_s) == 2
    assert starts_s[1] == pytest.approx(2 + length_s / 2, abs=0.25)


def test_a_fade_through_black_begins_a_shot():
    def picture_at(at_s):
        light = np.clip(abs(at_s - 3) / 0.6, 0, 1)
        return scene(1 if at_s < 3 else 2) * light

    assert any(2.4 <= start_s <= 3.6 for start_s in find_shots(film(picture_at, 6)))


def test_a_flash_is_no_cut():
    pictures = film(lambda at_s: scene(1, at_s) if not 2 <= at_s < 2.12 else np.full((54, 96), 250), 4)
    assert find_shots(pictures) == [0.0]


def test_light_that_comes_up_is_no_dissolve():
    pictures = film(lambda at_s: scene(1) * np.clip(0.3 + (at_s - 2) * 0.7, 0.3, 1), 5)
    assert find_shots(pictures) == [0.0]


@pytest.mark.parametrize("speed_px_a_s", [2, 10, 30])
def test_a_pan_is_no_cut(speed_px_a_s):
    assert find_shots(film(lambda at_s: scene(1, at_s * speed_px_a_s), 5)) == [0.0]


def test_noise_in_the_dark_is_no_cut():
    noise = np.random.default_rng(3)
    assert find_shots(film(lambda at_s: 14 + noise.normal(0, 3, (54, 96)), 4)) == [0.0]


def test_two_changes_at_once_are_one():
    pictures = film(lambda at_s: scene(1 if at_s < 2 else 2 if at_s < 2.2 else 3), 4)
    assert len(find_shots(pictures)) == 2


def test_keyframes_seconds_apart_are_compared_one_by_one():
    pictures = [(at_s, grey(scene(number))) for at_s, number in ((0, 1), (5, 1), (9, 2), (14, 2), (20, 3))]
    assert find_shots(pictures, sparse=True) == [0, 9, 20]


def test_a_picture_of_another_size_in_the_middle_does_no_harm():
    pictures = film(lambda at_s: scene(1), 2) + [(2.5 + n / 25, grey(scene(2, shape=(40, 40)))) for n in range(50)]
    assert find_shots(pictures)[0] == 0.0


def test_no_start_is_told_before_the_time_that_was_settled():
    detector, settled_s = ShotDetector(), 0.0
    for at_s, picture in film(lambda at_s: scene(int(at_s / 1.7), at_s * 5), 20):
        starts_s = detector.add(at_s, picture)
        assert all(start_s >= settled_s for start_s in starts_s[1:] if at_s > 2)
        assert not starts_s or starts_s[0] == 0.0 or min(starts_s) >= settled_s
        settled_s = max(settled_s, detector.settled_s)
        assert at_s - detector.settled_s < 8
    assert settled_s > 15


def test_a_histogram_counts_every_pixel_in_its_cell():
    picture = np.zeros((8, 8), np.uint8)
    picture[:2, :2] = 255
    histogram = cell_histogram(picture).reshape(16, 16)
    assert histogram.sum() == pytest.approx(1)
    assert histogram[0, 15] == pytest.approx(1 / 16)
    assert histogram[1:, 0] == pytest.approx(1 / 16)
