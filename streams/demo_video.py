"""The demo video: made on this machine from photos that installed packages ship under free licences.

A story in seven shots with two portraits, a cat, a cup and a rocket, with music, a tone, noise and silence,
so that every stage of the pipeline has something true to find.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from schemas.errors import UsageError

EDITION = 1
"""Part of the file name: another story is another file."""

Sound = Literal["music", "purr", "tone"]

PHOTOS = {
    "rocket": ("skimage", "data/rocket.jpg"),
    "astronaut": ("skimage", "data/astronaut.png"),
    "pioneer": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    "cat": ("skimage", "data/chelsea.png"),
    "coffee": ("skimage", "data/coffee.png"),
}
"""Eileen Collins: NASA, public domain. Grace Hopper: US Navy, public domain. Rocket: SpaceX, public domain.
Cat: Stefan van der Walt, CC0. Coffee: Rachel Michetti, CC0."""


@dataclass(frozen=True, kw_only=True)
class View:
    """A 16:9 window on a photo: its centre and its height, in the photo's pixels."""

    x_px: float
    y_px: float
    height_px: float


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One photo, seen through a window that moves slowly from one view to another."""

    photo: str
    duration_s: float
    start: View
    end: View
    sound: Sound
    words: str
    dissolve_s: float = 0.0
    """How long it is mixed with the end of the shot before."""


STORY = (
    Shot(
        photo="rocket",
        duration_s=4.0,
        start=View(x_px=320, y_px=240, height_px=340),
        end=View(x_px=320, y_px=215, height_px=250),
        sound="music",
        words="Before dawn a rocket stands ready, and a hundred children watch it from their classroom.",
    ),
    Shot(
        photo="astronaut",
        duration_s=4.4,
        start=View(x_px=256, y_px=146, height_px=286),
        end=View(x_px=224, y_px=140, height_px=200),
        sound="music",
        words="An astronaut once told them that space is for everyone who keeps asking questions.",
    ),
    Shot(
        photo="astronaut",
        duration_s=3.0,
        start=View(x_px=368, y_px=190, height_px=150),
        end=View(x_px=368, y_px=90, height_px=150),
        sound="music",
        words="Every mission begins with a small model and somebody who believes in it.",
    ),
    Shot(
        photo="pioneer",
        duration_s=4.4,
        start=View(x_px=256, y_px=245, height_px=286),
        end=View(x_px=262, y_px=225, height_px=210),
        sound="music",
        words="A computer pioneer taught machines to understand words, and never stopped teaching the young.",
    ),
    Shot(
        photo="cat",
        duration_s=4.0,
        start=View(x_px=225, y_px=150, height_px=250),
        end=View(x_px=235, y_px=140, height_px=200),
        sound="purr",
        words="Even the cat comes to the science club, and nobody has the heart to send her home.",
    ),
    Shot(
        photo="coffee",
        duration_s=4.0,
        start=View(x_px=300, y_px=200, height_px=335),
        end=View(x_px=320, y_px=190, height_px=270),
        sound="tone",
        words="For the price of a cup of coffee you give one child a month of lessons.",
    ),
    Shot(
        photo="rocket",
        duration_s=4.0,
        start=View(x_px=250, y_px=320, height_px=210),
        end=View(x_px=390, y_px=320, height_px=210),
        sound="music",
        words="Please donate today, and help the next mission begin here.",
        dissolve_s=0.8,
    ),
)

TITLE = "A cup of coffee, a seat in the science club"
DESCRIPTION = (
    "A rocket, an astronaut, a computer pioneer and a very patient cat: how a small school keeps its science "
    "club alive, and how the price of one coffee helps. #science #space #charity #education"
)


@dataclass(frozen=True, kw_only=True)
class DemoVideo:
    """The demo video on disk, and what to submit with it."""

    path: Path
    subtitles: Path
    title: str
    description: str


def make_demo_video(folder: Path) -> DemoVideo:
    """Make the demo video, or find it where it was made before.

    Takes a few seconds, once. Both files appear whole or not at all.

    Raises
    ------
    UsageError
        The photos are not installed.
    """
    video = DemoVideo(
        path=folder / f"groundswell-demo-{EDITION}.mp4",
        subtitles=folder / f"groundswell-demo-{EDITION}.en.srt",
        title=TITLE,
        description=DESCRIPTION,
    )
    if not (video.path.exists() and video.subtitles.exists()):
        photos = {name: find_photo(name) for name in PHOTOS}
        folder.mkdir(parents=True, exist_ok=True)
        with _whole(video.subtitles) as unfinished:
            unfinished.write_text(subtitles(STORY), encoding="utf-8")
        _film(video.path, photos)
    return video


def find_photo(name: str) -> Path:
    """Find a photo inside an installed package, without importing the package.

    Raises
    ------
    UsageError
        The package is not installed, or ships no such photo.
    """
    package, inside = PHOTOS[name]
    spec = find_spec(package)
    path = Path(spec.origin).parent / inside if spec and spec.origin else None
    if path is None or not path.is_file():
        raise UsageError(
            f"the demo video needs a photo from {package} ({inside}); install it with: pip install 'groundswell[demo]'"
        )
    return path


def subtitles(story: tuple[Shot, ...]) -> str:
    """Write the words of a story as SRT, each while its shot is seen."""
    cues = []
    for number, (start_s, shot) in enumerate(timed(story), start=1):
        times = f"{_srt_time(start_s + 0.1)} --> {_srt_time(start_s + shot.duration_s - 0.1)}"
        cues.append(f"{number}\n{times}\n{shot.words}\n")
    return "\n".join(cues)


def timed(story: tuple[Shot, ...]) -> Iterator[tuple[float, Shot]]:
    """Each shot with its start in seconds."""
    start_s = 0.0
    for shot in story:
        yield start_s, shot
        start_s += shot.duration_s


def _film(path: Path, photos: dict[str, Path]) -> None:
    # Only this needs the codecs, and only once.
    from streams.demo_film import film

    with _whole(path) as unfinished:
        film(unfinished, STORY, photos)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Give a name for a file on its way to `path`; it appears there whole or not at all."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".demo-") as folder:
        unfinished = Path(folder) / path.name
        yield unfinished
        unfinished.replace(path)


def _srt_time(at_s: float) -> str:
    ms = round(at_s * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d},{ms % 1000:03d}"
