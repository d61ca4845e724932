"""What is heard is what YAMNet hears, the same bits each time, with names and times a person can check."""

import json
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import sounds
from hypothesis import given
from hypothesis import strategies as st
from networks import audio_encoder

from models.audio import LABEL_SCORE, MAX_LABELS, MUSIC, AudioEncoder, Heard, Span, read_wav
from models.inference import Inference
from models.onnx_arrays import read_float_arrays
from models.yamnet_graph import CLASSES_FILE, N_CLASSES, build, read_class_map, read_weights
from models.yamnet_mel import LOG_OFFSET, mel_weights, patches, spectrum
from schemas.errors import MediaUnreadable, WeightsMissing

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/yamnet.json").read_text())
TOLERANCE = 2e-4
"""Golden mels were made in float64; through the network that is a few 1e-5 of entries up to 5."""

of_every_sound = pytest.mark.parametrize("name", GOLDEN["sounds"])


@pytest.fixture(scope="module")
def encoder(cache: Path) -> AudioEncoder:
    return audio_encoder(cache)


@of_every_sound
def test_the_log_mel_is_that_of_the_published_recipe(name: str) -> None:
    mel = np.log(spectrum(sounds.MADE[name](GOLDEN["duration_s"])) @ mel_weights() + LOG_OFFSET)
    np.testing.assert_allclose(mel[50, ::8], GOLDEN["sounds"][name]["log_mel_row_50"], atol=TOLERANCE)


@of_every_sound
def test_the_network_says_what_the_packed_one_says_in_float32(encoder: AudioEncoder, name: str) -> None:
    known, heard = GOLDEN["sounds"][name], encoder.hear(sounds.MADE[name](GOLDEN["duration_s"]))
    assert np.linalg.norm(heard.embedding) == pytest.approx(known["embedding_norm"], rel=TOLERANCE)
    for place, value in known["embedding_largest"].items():
        assert heard.embedding[int(place)] == pytest.approx(value, abs=5 * TOLERANCE)
    np.testing.assert_allclose(heard.embeddings[1, :12], known["embedding_second_patch_first_12"], atol=5 * TOLERANCE)
    means = dict(zip(encoder.classes, heard.scores.mean(axis=0), strict=True))
    for label, score in known["best_classes"].items():
        assert means[label] == pytest.approx(score, abs=5 * TOLERANCE)


@pytest.mark.parametrize("name", ["jfk.flac", "dog.wav"])
def test_real_sounds_give_the_recorded_values(encoder: AudioEncoder, data_folder: Path, name: str) -> None:
    record = data_folder.parent / "golden.json"
    if not record.is_file():
        pytest.skip(f"no recorded values: {record} is not there")
    known = json.loads(record.read_text())["inputs"][f"audio/{name}"]["yamnet_f32"]
    samples = _decode(data_folder / "audio" / name)
    heard = encoder.hear(samples, hop=48)
    assert (len(samples), len(heard.scores)) == (known["samples"], known["patches"])
    np.testing.assert_allclose(heard.embedding[:5], known["embedding_mean_first5"], atol=known["tol_abs_f32"])
    assert np.linalg.norm(heard.embedding) == pytest.approx(known["embedding_mean_l2norm"], abs=known["tol_abs_f32"])
    means = heard.scores.mean(axis=0)
    for label, place, score in known["top3_mean_sigmoid"]:
        assert encoder.classes[place] == label
        assert means[place] == pytest.approx(score, abs=known["tol_score"])
    assert set(np.argsort(-means)[:3]) == {place for _, place, _ in known["top3_mean_sigmoid"]} or name == "jfk.flac"


def _decode(path: Path) -> sounds.Samples:
    import av

    resampler = av.AudioResampler("flt", "mono", 16_000)
    with av.open(str(path)) as container:
        frames = [r for frame in container.decode(audio=0) for r in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def test_another_load_and_more_threads_give_the_same_bits(cache: Path, encoder: AudioEncoder) -> None:
    samples = np.concatenate([sounds.chord(4.0), sounds.noise(3.0)])
    one, other = encoder.hear(samples), audio_encoder(cache, inference=Inference(2)).hear(samples)
    assert one.embeddings.tobytes() == other.embeddings.tobytes()
    assert one.scores.tobytes() == other.scores.tobytes()


def test_sound_shorter_than_a_patch_is_filled_up_and_ends_when_it_ends(encoder: AudioEncoder) -> None:
    heard = encoder.hear(sounds.chord(0.5))
    assert heard.scores.shape == (1, N_CLASSES)
    assert (heard.starts_s[0], heard.ends_s[0]) == (0.0, 0.5)


@given(st.integers(400, 16_000 * 11))
def test_patches_leave_less_than_half_of_one_unheard(n_samples: int) -> None:
    cut, starts = patches(np.zeros(n_samples, np.float32))
    n_frames = 1 + (max(n_samples, 15_600) - 400) // 160
    assert starts[0] == 0
    assert n_frames - (starts[-1] + 96) in range(48)
    assert all(0 < later - earlier <= 96 for earlier, later in pairwise(starts))
    assert cut.shape == (len(starts), 1, 96, 257)


def test_every_mel_band_but_the_lowest_frequency_is_heard() -> None:
    weights = mel_weights()
    assert weights.shape == (257, 64)
    assert (weights[0] == 0).all()
    assert (weights.sum(axis=0) > 0).all()


def test_what_is_heard_is_named_when_it_is_heard(encoder: AudioEncoder) -> None:
    heard = encoder.hear(np.concatenate([sounds.chord(4.8), sounds.silence(2.88), sounds.chord(2.88)]))
    music = _in_time([span for span in encoder.spans(heard) if span.name == MUSIC])
    np.testing.assert_allclose([(s.start_s, s.end_s) for s in music], [(0, 4.8), (7.68, 10.56)], atol=0.97)
    assert encoder.share(heard, MUSIC) == pytest.approx(8 / 11, abs=1 / 11)


def _in_time(spans: list[Span]) -> list[Span]:
    return sorted(spans, key=lambda span: span.start_s)


def _heard(scores: list[float]) -> Heard:
    """One class, patch after patch."""
    starts_s = np.arange(len(scores)) * 0.96
    return Heard(
        embeddings=np.zeros((len(scores), 4), np.float32),
        scores=np.array(scores, np.float32)[:, None],
        starts_s=starts_s,
        ends_s=starts_s + 0.96,
    )


@pytest.mark.parametrize(
    ("scores", "spans"),
    [
        ([LABEL_SCORE], [(0, 1)]),
        ([0.9, 0.3, 0.0, 0.5], [(0, 2), (3, 4)]),
        ([0.0, 0.3, 0.9, 0.0], [(1, 3)]),
    ],
)
def test_neighbouring_patches_of_a_class_are_one_span(scores: list[float], spans: list[tuple[int, int]]) -> None:
    found = AudioEncoder(None, ["Owl"]).spans(_heard(scores))  # type: ignore[arg-type]  # no network is asked
    np.testing.assert_allclose([(s.start_s, s.end_s) for s in _in_time(found)], np.array(spans) * 0.96)
    assert [s.score for s in _in_time(found)] == pytest.approx([max(scores[a:b]) for a, b in spans])


def test_what_is_hardly_heard_is_not_named() -> None:
    assert AudioEncoder(None, ["Owl"]).spans(_heard([0.0, 0.1])) == []  # type: ignore[arg-type]


def test_only_the_best_spans_are_kept() -> None:
    found = AudioEncoder(None, ["Owl"]).spans(_heard([0.0, 0.5, 0.0, 0.9] * 30))  # type: ignore[arg-type]
    assert [round(span.score, 3) for span in found] == [0.9] * MAX_LABELS


def test_a_wav_is_read_as_it_was_written() -> None:
    samples = sounds.chord(1.0)
    np.testing.assert_allclose(read_wav(sounds.wav(samples)), samples, atol=4e-5)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "expected a WAV"),
        (b"no sound at all", "expected a WAV"),
        (sounds.wav(sounds.chord(0.1))[:20], "expected a WAV"),
        (sounds.wav(sounds.chord(0.1), rate_hz=44_100), "44100"),
        (sounds.wav(sounds.chord(0.1), channels=2), "2 channels|, 2, 2"),
    ],
    ids=["nothing", "text", "cut off", "another rate", "stereo"],
)
def test_another_kind_of_sound_file_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(MediaUnreadable, match=words):
        read_wav(data)


def _onnx(*arrays: bytes) -> bytes:
    """A model (field 7) whose graph holds arrays (field 5)."""
    graph = b"".join(_field(5, array) for array in arrays)
    return _field(7, graph)


def _field(number: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def _array(name: str, *fields: bytes, data_type: int = 1) -> bytes:
    return bytes([1 << 3, 2, 1 << 3, 1, 2 << 3, data_type]) + _field(8, name.encode()) + b"".join(fields)


def _beside(offset: int, length: int) -> bytes:
    entries = {"location": "model.data", "offset": str(offset), "length": str(length)}
    return b"".join(_field(13, _field(1, k.encode()) + _field(2, v.encode())) for k, v in entries.items())


def test_float_arrays_are_read_from_inside_and_beside_a_model() -> None:
    numbers = np.array([1.5, -2.0], "<f4").tobytes()
    model = _onnx(_array("inside", _field(9, numbers)), _array("beside", _beside(4, 8)), _array("whole", data_type=7))
    arrays = read_float_arrays(model, b"skip" + numbers)
    assert arrays.keys() == {"inside", "beside"}
    for array in arrays.values():
        np.testing.assert_array_equal(array, [[1.5], [-2.0]])


@pytest.mark.parametrize(
    "model",
    [
        b"",
        b"not a model",
        _onnx(_array("short", _field(9, b"1234"))),
        _onnx(_array("far", _beside(4, 8))),
        _onnx(_array("cut", _field(9, b"12345678")))[:-3],
        b"\xff" * 20,
    ],
    ids=["empty", "text", "wrong shape", "beyond the file", "truncated", "endless number"],
)
def test_what_is_no_model_is_refused(model: bytes) -> None:
    with pytest.raises(WeightsMissing, match="ONNX model"):
        read_float_arrays(model, b"only")


def test_an_array_that_is_absent_or_misshapen_is_named() -> None:
    with pytest.raises(WeightsMissing, match="no array onnx::Conv_241"):
        build({})
    with pytest.raises(WeightsMissing, match=r"onnx::Conv_241 as float32 \(32, 1, 3, 3\), got float32 \(3,\)"):
        build({"onnx::Conv_241": np.zeros(3, np.float32)})


@pytest.mark.parametrize("content", [b"no zip", None])
def test_a_package_without_the_network_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "YamNet_w8a8.onnx.zip"
    if content is None:
        zipfile.ZipFile(path, "w").close()
    else:
        path.write_bytes(content)
    with pytest.raises(WeightsMissing, match="groundswell weights fetch yamnet"):
        read_weights(path)


def test_a_class_map_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    path.write_text('index,mid,display_name\n0,/m/1,"Owl, hooting"\n')
    with pytest.raises(WeightsMissing, match="expected 521 names"):
        read_class_map(path)


@pytest.mark.parametrize("content", [None, "Owl\n"])
def test_a_folder_without_the_classes_says_how_to_fetch_them(tmp_path: Path, content: str | None) -> None:
    if content:
        (tmp_path / CLASSES_FILE).write_text(content)
    with pytest.raises(WeightsMissing, match="groundswell weights fetch yamnet"):
        AudioEncoder.load(tmp_path)
