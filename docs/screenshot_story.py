"""What is seen in the screenshots: films made of free photos, past videos made up for them, people, outcomes, labels."""

import csv
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from source_server import serving  # noqa: E402  # needs the path above
from systems import System  # noqa: E402

from streams.demo_film import film  # noqa: E402
from streams.demo_video import PHOTOS, STORY, find_photo, make_demo_video, subtitles  # noqa: E402
from streams.settings import load  # noqa: E402

STARTER, OWN = "us-2017-autumn", "our-own-videos"
"""The release that comes with Groundswell, and one taught on the past videos below."""

PEOPLE = (("Grace Hopper", "pioneer"), ("Eileen Collins", "astronaut"))
MONTH_H = 720
PATIENCE_S = 1800.0
"""How long a command may take: whoever takes pictures has time, and the machine may be busy."""


@dataclass(frozen=True)
class Film:
    """A film: its title, the shots of the demo's story that it shows, and what stands below it."""

    title: str
    shots: tuple[int, ...]
    description: str


WATCHED = (
    Film("Why our cat sits in every lesson", (4, 5, 3), "A patient cat, and what it teaches. #cat #school"),
    Film("Three minutes with the pioneer of compilers", (2, 3, 6), "She taught machines to read. #science #history"),
    Film("Rocket day", (0, 6, 4), "The club builds a rocket. #rocket #science"),
    Film("An astronaut answers our questions", (1, 2), "What do you eat up there? #space #astronaut"),
    Film("One coffee, one month of lessons", (5, 1, 6), "What a small gift does. #charity #education"),
)
RUNNING = (
    Film("Behind the scenes of the science club", (0, 1, 2, 3, 4, 5, 6), "All of us. #science"),
    Film("Can a cat learn to code?", (3, 4), "Nobody knows. #cat #code"),
    Film("Countdown in the classroom", (6, 0, 1), "Ten, nine, eight. #rocket"),
    Film("Thank you, says the whole school", (5, 3, 1, 4), "For every cup. #charity"),
)

SUBJECTS = (
    "the cat", "the rocket", "our astronaut", "the telescope", "the robot", "the science fair", "the volcano",
    "the beehive", "the school garden", "the weather balloon", "the night sky", "the solar oven", "the paper bridge",
    "the choir", "the marble run", "the model railway", "the fossil hunt", "the pond",
)  # fmt: skip
GOOD = ("{} surprises everybody", "How {} works, in one minute", "Watch {} up close")
DULL = ("Minutes of the meeting about {}", "Reminder about {}", "Forms to fill in for {}")
CHANNELS = tuple(f"Class {year}{letter}" for year in range(1, 10) for letter in "abc")
"""As many as a release needs to say how far off it is on a channel that it never met."""


def past_videos(path: Path) -> Path:
    """Write a table of made-up past videos of which some kinds of titles did well and others did not."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("video_id", "title", "channel", "views", "likes", "comments"))
        writer.writerows(_past())
    return path


def _past() -> Iterator[tuple[object, ...]]:
    for number in range(2 * len(GOOD) * len(SUBJECTS)):
        kinds, scale = (GOOD, 40_000) if number % 2 else (DULL, 300)
        place = number // 2
        words = kinds[place % len(kinds)].format(SUBJECTS[place // len(kinds)])
        views = scale + scale * (7 * place % 19) // 10
        channel = CHANNELS[place % len(CHANNELS)]
        yield f"youtube:past{number:07}", words[:1].upper() + words[1:], channel, views, views // 22, views // 160


def fill(system: System, folder: Path) -> None:
    """Let a system see what a club would have in it: past videos, a release of its own, films, people, outcomes, a failure."""
    folder.mkdir()
    table = past_videos(folder / "past.csv")
    system.run("train", "virality", "--from", str(table), "--release", OWN, "--force", limit_s=PATIENCE_S)
    system.run("import", "outcomes", str(table), limit_s=PATIENCE_S)
    _, *known = submit(system, folder / "watched", WATCHED, with_demo=True)
    for name, photo in PEOPLE:
        system.run("people", "enrol", name, str(find_photo(photo)), check=False)
    with serving(b"") as server:
        system.run(
            "submit", server.url("404/a-video-that-is-gone.mp4"), "--watch", "--json", check=False, limit_s=PATIENCE_S
        )
    system.run("releases", "promote", f"virality/{STARTER}")
    system.run("import", "outcomes", str(_outcomes(folder / "outcomes.csv", known)), check=False)


def submit(system: System, folder: Path, films: Sequence[Film], *, with_demo: bool = False) -> list[str]:
    """Make films and submit them; with the demo's own film they are waited for. Answer their ids, in order."""
    folder.mkdir()
    rows = [_made(folder / f"film-{number}.mp4", one) for number, one in enumerate(films)]
    if with_demo:
        demo = make_demo_video(load().cache_folder / "demo")
        rows.append((str(demo.path), demo.title, demo.description))
    listed = folder / "films.csv"
    with listed.open("w", newline="") as file:
        csv.writer(file).writerows([("file", "title", "description"), *rows])
    events = system.lines("submit", str(listed), "--json", *(["--watch"] if with_demo else []), limit_s=PATIENCE_S)
    return list(dict.fromkeys(str(event["video_id"]) for event in events if event.get("video_id")))


def _made(path: Path, wanted: Film) -> tuple[str, str, str]:
    story = tuple(STORY[place] for place in wanted.shots)
    film(path, story, {name: find_photo(name) for name in PHOTOS})
    path.with_suffix(".en.srt").write_text(subtitles(story))
    return str(path), wanted.title, wanted.description


def _outcomes(path: Path, video_ids: Iterable[str]) -> Path:
    """Write how the films did after a day and after a month, counted now."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("video_id", "observed_at", "age_h", "views", "likes", "comments"))
        for number, video_id in enumerate(video_ids, start=1):
            for age_h, views in ((24, 900 * number), (MONTH_H, 5200 * number)):
                writer.writerow((video_id, now, age_h, views, views // 20, views // 90))
    return path
