"""Numbers of another precision are another model version, and other events; those in float32 stay what they were."""

from pathlib import Path
from typing import Any

import pytest
from worlds import SmallWorld

from processors.audio import AudioProcessor
from processors.faces import FacesProcessor
from processors.ports import Options
from processors.text import TextProcessor
from processors.visual import VisualProcessor
from schemas.features import FeatureExtracted
from schemas.segments import SegmentCut
from streams.storage.weights import WeightsCache
from streams.topology import stage

CUT = SegmentCut(
    event_id="cut-1", video_id="video-1", revision=1, index=0, count=1, start_s=0.0, end_s=4.0, text="A ship"
)

of_every_stage = pytest.mark.parametrize(
    ("processor", "version", "model_version", "event_id"),
    [
        (TextProcessor, "2/53aa5117-w1-f32", "53aa5117-w1-f32", "0ab6b6c4-28c5-5041-bc88-82597076f317"),
        (VisualProcessor, "1/57934424-p1-f32", "57934424-p1-f32", "a4a89248-8b18-5a70-a5e6-a73c4c35ecb3"),
        (AudioProcessor, "1/cf149c90-m1h96-f32", "cf149c90-m1h96-f32", "d8f497a4-2e55-5080-b964-2ec799a44c29"),
        (
            FacesProcessor,
            "2/09189dea-55533b28-1-f32-448px-20px-0.3",
            "09189dea-55533b28-1-f32-448px",
            "e1badf28-dbd5-5d53-8777-5025f75a4957",
        ),
    ],
)


def _feature(processor: Any, cache: Path, folder: Path, options: Options) -> tuple[str, FeatureExtracted]:
    """The stage's version, and its answer to a segment with words, without pictures and without sound."""
    weights = WeightsCache(cache)
    names = stage(processor.__module__.rsplit(".", 1)[1]).weights
    world = SmallWorld(folder, networks={name: weights.fetch(name) for name in names}, options=options)
    built = processor.build(world)
    (answer,) = [event for event in built.transform([CUT])[0] if isinstance(event, FeatureExtracted)]
    return built.version, answer


@of_every_stage
def test_in_float32_versions_and_ids_are_what_they_were(
    processor: Any, version: str, model_version: str, event_id: str, cache: Path, tmp_path: Path
) -> None:
    built, feature = _feature(processor, cache, tmp_path, Options(speech="off"))
    assert (built, feature.model_version, feature.event_id) == (version, model_version, event_id)


@of_every_stage
def test_in_bf16_the_version_says_so_and_ids_differ(
    processor: Any, version: str, model_version: str, event_id: str, cache: Path, tmp_path: Path
) -> None:
    built, feature = _feature(processor, cache, tmp_path, Options(speech="off", precision="bf16"))
    if built == version:
        pytest.skip("this CPU does not compute in bf16, and the version rightly says f32")
    assert feature.model_version == model_version.replace("f32", "bf16")
    assert built == version.replace("f32", "bf16")
    assert feature.event_id != event_id
