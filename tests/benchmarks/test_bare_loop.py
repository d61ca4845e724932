"""The plain loop that the pipeline is measured against does the same work."""

import zipfile
from pathlib import Path

import pytest
from networks import audio_encoder, face_sight, text_encoder, visual_encoder

from benchmarks.bare_loop import PARTS, Networks, run_bare
from models.media import sampling as rule
from models.media.cut import CutOptions, cut
from streams.demo_video import make_demo_video


@pytest.fixture(scope="module")
def networks(cache: Path) -> Networks:
    return Networks(text_encoder(cache), visual_encoder(cache), audio_encoder(cache), face_sight(cache))


@pytest.mark.parametrize("sampling", ["regular", "keyframes"])
def test_the_plain_loop_sees_the_segments_and_pictures_that_the_pipeline_sees(
    networks: Networks, cache: Path, tmp_path: Path, sampling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule, "LONGEST_KEYFRAME_GAP_S", 60.0)  # where keyframes lie is the encoder's own affair
    video = make_demo_video(cache / "demo").path
    options = CutOptions(keyframes_from_s=0.0 if sampling == "keyframes" else 1e9, keyframe_gain=0.0)
    pieces = cut(video, tmp_path, options)
    found = run_bare(video, networks, sampling=sampling)
    assert pieces.sampling == sampling
    assert [(span.start_ms / 1000, span.end_ms / 1000) for span in found.spans] == [
        (piece.start_s, piece.end_s) for piece in pieces.segments
    ]
    zips = [tmp_path / piece.frames for piece in pieces.segments if piece.frames]
    assert found.pictures == sum(len(zipfile.ZipFile(path).namelist()) for path in zips)
    assert found.tracks > 0
    assert set(found.cpu_s) == set(PARTS)
