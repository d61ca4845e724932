"""What do faces cost, and how well are they told apart?

    python -m benchmarks.faces [--json]
    python -m benchmarks.faces --pairs [--json]      # distances of photos of known people
    python -m benchmarks.faces --quality [--json]    # the same photos made small, blurred and dark

Costs are CPU time of one process on one thread, for each step on one picture of 1280 x 720 with two faces, and for
a whole segment of ten seconds. Photos and pairs are those of ``deepface/master.csv`` under GROUNDSWELL_DATA.
"""

import argparse
import csv
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple
from zipfile import ZipFile

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from benchmarks.report import Cell, report
from models.faces.align import straighten
from models.faces.compare import SAME_BELOW, distance
from models.faces.detect import FACE_SIZE_PX, FaceDetector, Picture
from models.faces.photo import closest, faces_of, read_photo
from models.faces.quality import judge
from models.faces.sighting import FaceSight, jpeg_of
from processors.faces import FacesProcessor
from schemas.segments import SegmentCut
from streams.demo_video import find_photo
from streams.storage.media import media_store
from streams.storage.weights import WeightsCache

ROOT = Path(__file__).parents[1]
ROUNDS = 9
SIZES_PX = (320, FACE_SIZE_PX, 640)
SEGMENT_S = 10
SMALL_PX = (16, 20, 22, 25, 28, 32, 40, 64)
BLURS_SHARE = (0.02, 0.025, 0.03, 0.035, 0.04, 0.05, 0.06, 0.08)
"""Standard deviation of the blur, as a share of the face's width."""

SMALL_AND_BLURRED = ((22, 0.03), (25, 0.03), (28, 0.03), (32, 0.03))
QUALITIES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.01)


class Seen(NamedTuple):
    """A face's vector, and how well it was seen."""

    vector: NDArray[np.float32]
    quality: float


class Verdict(NamedTuple):
    """A pair of spoiled photos: how far apart they are, and the first from the second unspoiled."""

    quality: float
    is_one: bool
    apart: float
    from_plain: float


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON line")
    parser.add_argument("--pairs", action="store_true", help="distances of photos of known people")
    parser.add_argument("--quality", action="store_true", help="the same photos made small, blurred and dark")
    options = parser.parse_args()
    sight = _sight()
    if options.pairs:
        report("how far apart are faces?", list(_pair_rows(sight)), as_json=options.json)
    elif options.quality:
        report("how badly may a face be seen?", list(_quality_rows(sight)), as_json=options.json)
    else:
        report("what do faces cost?", [*_step_rows(sight), *_segment_rows(sight)], as_json=options.json)
    return 0


def _sight() -> FaceSight:
    cache = WeightsCache(Path(os.environ.get("GROUNDSWELL_CACHE", user_cache_path("groundswell"))))
    return FaceSight.load(cache.fetch("centerface"), cache.fetch("dlib-face"))


def _scene() -> Picture:
    """Two portraits side by side, 1280 x 720."""
    photos = [read_photo(find_photo(name)) for name in ("astronaut", "pioneer")]
    return np.hstack([np.asarray(cv2.resize(photo, (640, 720)), np.uint8) for photo in photos])


def _step_rows(sight: FaceSight) -> Iterator[dict[str, Cell]]:
    scene = _scene()
    sighting = sight.see(scene)[0]
    face, chip = sighting.face, straighten(scene, sighting.face)
    small = msgspec.structs.replace(face, width_px=30.0, height_px=38.0)
    jpeg = np.frombuffer(jpeg_of(scene), np.uint8)
    steps: dict[str, Callable[[], object]] = {"decode a JPEG": lambda: cv2.imdecode(jpeg, cv2.IMREAD_COLOR)}
    for size_px in SIZES_PX:
        detector = FaceDetector(sight.detector._network, size_px)
        steps[f"detect at {size_px} px"] = partial(detector.detect, scene)
    steps["look closer at a small face"] = lambda: sight.detector.look_closer(scene, small)
    steps["judge a face"] = lambda: judge(scene, face)
    steps["straighten a face"] = lambda: straighten(scene, face)
    steps["embed a face"] = lambda: sight.encoder.embed(chip)
    steps["all of it, two faces"] = lambda: sight.see(scene)
    for what, work in steps.items():
        yield {"what": what, "cpu_ms": _cpu_s(work) * 1000}


def _segment_rows(sight: FaceSight) -> Iterator[dict[str, Cell]]:
    scene = _scene()
    cut = SegmentCut(
        event_id="one",
        video_id="url:made",
        revision="0" * 16,
        index=0,
        count=1,
        start_s=0,
        end_s=SEGMENT_S,
        frames_ref="frames.zip",
    )
    for what, picture in (("two people", scene), ("nobody", np.full_like(scene, 96))):
        with tempfile.TemporaryDirectory() as folder:
            store = media_store(folder, cache=Path(folder))
            store.put("frames.zip", _zip(picture))
            spent_s = _cpu_s(partial(FacesProcessor(sight, store).transform, [cut]))
        yield {"what": f"a second of video with {what}", "cpu_ms": spent_s * 1000 / SEGMENT_S}


def _zip(picture: Picture) -> bytes:
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        for second in range(SEGMENT_S):
            archive.writestr(f"{second * 1000:09d}.jpg", jpeg_of(picture))
    return file.getvalue()


def _cpu_s(work: Callable[[], object]) -> float:
    work()
    spent = []
    for _ in range(ROUNDS):
        started_s = time.process_time()
        work()
        spent.append(time.process_time() - started_s)
    return median(spent)


def _pairs() -> tuple[Path, list[tuple[str, str, bool]]]:
    table = Path(os.environ.get("GROUNDSWELL_DATA", ROOT.parent / "shared" / "data")) / "deepface" / "master.csv"
    if not table.is_file():
        sys.exit(f"no pairs to compare: {table} is not there; set GROUNDSWELL_DATA")
    with table.open(newline="") as file:
        _, *rows = csv.reader(file)
    return table.parent, [(one, other, verdict == "Yes") for one, other, verdict in rows]


def _photos() -> dict[str, Picture]:
    folder, rows = _pairs()
    return {name: read_photo(folder / name) for name in sorted({name for row in rows for name in row[:2]})}


def _pair_rows(sight: FaceSight) -> Iterator[dict[str, Cell]]:
    photos = _photos()
    for size_px in SIZES_PX:
        sized = sight._replace(detector=FaceDetector(sight.detector._network, size_px))
        faces = {name: faces_of(sized, photo) for name, photo in photos.items()}
        apart = [(closest(faces[one], faces[other]), same) for one, other, same in _pairs()[1]]
        same = np.array([found.distance for found, is_one in apart if found and is_one])
        different = np.array([found.distance for found, is_one in apart if found and not is_one])
        yield {
            "what": f"detector at {size_px} px",
            "pairs": len(same) + len(different),
            "area_under_curve": float(np.mean(same[:, None] < different)),
            "furthest_same": float(same.max()),
            "closest_different": float(different.min()),
            "false_accepts": int((different < SAME_BELOW).sum()),
            "false_rejects": int((same >= SAME_BELOW).sum()),
        }


def _quality_rows(sight: FaceSight) -> Iterator[dict[str, Cell]]:
    photos = _photos()
    sizes = {name: sight.detector.detect(photo)[0].size_px for name, photo in photos.items()}
    plain = _seen(sight, photos)
    every: list[Verdict] = []
    for what, change in _changes().items():
        verdicts = list(_verdicts(_seen(sight, {n: change(photo, sizes[n]) for n, photo in photos.items()}), plain))
        every += verdicts
        yield _row(what, verdicts)
    for least, most in pairwise(QUALITIES):
        yield _row(f"quality {least:g} to {min(most, 1):g}", [v for v in every if least <= v.quality < most])


def _changes() -> dict[str, Callable[[Picture, float], Picture]]:
    """Ways to spoil a photo, given the size of its face."""
    return {
        **{f"{size_px} px": partial(_made_small, size_px, 0.0) for size_px in SMALL_PX},
        **{f"blurred by {share:.1%}": partial(_blurred, share) for share in BLURS_SHARE},
        **{f"{px} px, blurred by {share:.1%}": partial(_made_small, px, share) for px, share in SMALL_AND_BLURRED},
        "an eighth of the light": lambda photo, face_px: photo // 8,
    }


def _blurred(share: float, photo: Picture, face_px: float) -> Picture:
    return np.asarray(cv2.GaussianBlur(photo, (0, 0), share * face_px), np.uint8)


def _made_small(size_px: float, blur_share: float, photo: Picture, face_px: float) -> Picture:
    """A photo whose face is so large, on a wall of 640 x 360, as it would be in a video."""
    scale = size_px / face_px
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:360, :640]
    wall = np.full((360, 640, 3), 96, np.uint8)
    wall[: small.shape[0], : small.shape[1]] = small
    return _blurred(blur_share, wall, size_px) if blur_share else wall


def _seen(sight: FaceSight, photos: Mapping[str, Picture]) -> dict[str, Seen]:
    """Vectors however badly the faces are seen, and how well they are."""
    found = {name: (photo, sight.see(photo)) for name, photo in photos.items()}
    return {
        name: Seen(sight.embed(photo, seen[0]), seen[0].quality.value) for name, (photo, seen) in found.items() if seen
    }


def _verdicts(spoiled: Mapping[str, Seen], plain: Mapping[str, Seen]) -> Iterator[Verdict]:
    for one, other, is_one in _pairs()[1]:
        if one in spoiled and other in spoiled:
            apart = distance(spoiled[one].vector, spoiled[other].vector)
            from_plain = distance(spoiled[one].vector, plain[other].vector)
            quality = min(spoiled[one].quality, spoiled[other].quality)
            yield Verdict(quality, is_one, apart, from_plain)


def _row(what: str, verdicts: Sequence[Verdict]) -> dict[str, Cell]:
    different = [v for v in verdicts if not v.is_one]
    same = [v for v in verdicts if v.is_one]
    return {
        "what": what,
        "pairs": len(verdicts),
        "median_quality": median(v.quality for v in verdicts) if verdicts else None,
        "false_accepts_share": _share([v.apart < SAME_BELOW for v in different]),
        "false_rejects_share": _share([v.apart >= SAME_BELOW for v in same]),
        "false_accepts_of_plain": _share([v.from_plain < SAME_BELOW for v in different]),
        "false_rejects_of_plain": _share([v.from_plain >= SAME_BELOW for v in same]),
    }


def _share(wrong: Sequence[bool]) -> float | None:
    return sum(wrong) / len(wrong) if wrong else None


if __name__ == "__main__":
    sys.exit(main())
