"""Takes a picture of every page, light and dark, on a desk and on a phone: `make screenshots`.

A real `groundswell up` in a folder of its own watches films made of free photos; nothing in the pictures is painted.

python docs/screenshots.py                  # into docs/screenshots
python docs/screenshots.py --home FOLDER    # of a system that runs already, with whatever is in it
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browsers import DESKTOP, PHONE, Visit, a_browser  # noqa: E402  # needs the path above
from source_server import serving  # noqa: E402
from systems import System, running_system  # noqa: E402

from streams.dashboard_card import DashboardCard, read_card  # noqa: E402
from streams.demo_film import film  # noqa: E402
from streams.demo_video import PHOTOS, STORY, find_photo, make_demo_video, subtitles  # noqa: E402
from streams.settings import load  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TALLEST_PX = 3000
QUALITY = 72
SETTLE_MS = 900
OTHERS = (
    ("Why our cat sits in every lesson", (3, 4, 5), "A patient cat, and what it teaches. #cat #school"),
    (
        "Three minutes with the pioneer of compilers",
        (2, 1, 6),
        "How one woman taught machines to read. #science #history",
    ),
    ("Rocket day", (0, 6, 4), "The club builds a rocket. #rocket #science"),
)
"""Further films: title, shots of the demo's story, description."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the pages are that depend on what the system has seen."""

    video: str
    other: str
    person: str
    release: str
    job: str

    def pages(self) -> dict[str, str]:
        """Each page's path, by the name of its pictures."""
        return {
            "submit": "/",
            "progress": "/progress",
            "library": "/videos",
            "video": f"/videos/{self.video}",
            "compare": f"/compare?a={self.video}&b={self.other}",
            "people": "/people",
            "person": f"/people/{self.person}",
            "influence": "/people?view=influence",
            "label": "/label",
            "models": "/models",
            "release": f"/models/{self.release}",
            "work": f"/models?view=jobs&job={self.job}" if self.job else "/models?view=jobs",
            "operations": "/operations",
        }


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--home", type=Path, help="of a system that runs; else one is started and filled")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/screenshots")
    wanted = parser.parse_args()
    with _dashboard(wanted.home) as card, a_browser() as browser:
        places = _places(browser, card)
        wanted.out.mkdir(parents=True, exist_ok=True)
        for size_px, size in ((DESKTOP, "1440"), (PHONE, "390")):
            for dark in (False, True):
                visit = Visit(browser, size_px=size_px, dark=dark)
                visit.open(card.link)
                visit.page.wait_for_url(lambda at: "/login" not in at)
                for name, path in places.pages().items():
                    _take(visit.open(card.url + path), wanted.out / f"{name}-{size}-{'dark' if dark else 'light'}.jpg")
                visit.context.close()
                if visit.troubles:
                    sys.exit("\n".join(visit.troubles))
        _take_login(browser, card, wanted.out)


def _take(page: "Page", path: Path) -> None:
    page.wait_for_timeout(SETTLE_MS)
    size = page.viewport_size or {"width": DESKTOP[0], "height": DESKTOP[1]}
    height_px = min(TALLEST_PX, page.evaluate("() => document.documentElement.scrollHeight"))
    clip = {"x": 0, "y": 0, "width": size["width"], "height": max(height_px, size["height"])}
    page.screenshot(path=path, type="jpeg", quality=QUALITY, full_page=True, clip=clip)  # type: ignore[arg-type]
    print(path.name, flush=True)


def _take_login(browser: "Browser", card: DashboardCard, out: Path) -> None:
    for size_px, size in ((DESKTOP, "1440"), (PHONE, "390")):
        for dark in (False, True):
            visit = Visit(browser, size_px=size_px, dark=dark)
            _take(visit.open(f"{card.url}/login"), out / f"login-{size}-{'dark' if dark else 'light'}.jpg")
            visit.context.close()


@contextmanager
def _dashboard(home: Path | None) -> Iterator[DashboardCard]:
    if home is not None:
        card = read_card(home)
        if card is None:
            sys.exit(f"no dashboard runs for {home}")
        yield card
        return
    with tempfile.TemporaryDirectory() as folder, running_system(Path(folder), load().cache_folder) as system:
        _fill(system, Path(folder) / "films")
        found = read_card(system.home)
        if found is None:
            sys.exit("groundswell up started no dashboard")
        yield found


def _fill(system: System, folder: Path) -> None:
    """Submit films, say who is in them and how they did, and let something fail."""
    folder.mkdir()
    (folder / "films.csv").write_text(_list_of_films(folder))
    events = system.lines("submit", str(folder / "films.csv"), "--watch", "--json")
    ids = list(dict.fromkeys(e["video_id"] for e in events if e.get("type") == "VideoScored"))
    for name, photo in (("Grace Hopper", "pioneer"), ("Eileen Collins", "astronaut")):
        system.run("people", "enrol", name, str(find_photo(photo)), check=False)
    rows = [f"{video_id},{age_h},{views},{views // 20},{views // 90}"
            for number, video_id in enumerate(ids) for age_h, views in ((24, 900 * (number + 1)), (720, 5200 * (number + 1)))]  # fmt: skip
    (folder / "outcomes.csv").write_text("video_id,age_h,views,likes,comments\n" + "\n".join(rows))
    system.run("import", "outcomes", str(folder / "outcomes.csv"), check=False)
    with serving(b"") as server:
        system.run("submit", server.url("404/a-video-that-is-gone.mp4"), "--watch", "--json", check=False)
    system.run("train", "virality", "--from", str(_table(folder)), "--release", "cats-1", "--candidate", "--force")


def _list_of_films(folder: Path) -> str:
    first = make_demo_video(load().cache_folder / "demo")
    rows = [f'{first.path},"{first.title}","{first.description}"']
    photos = {name: find_photo(name) for name in PHOTOS}
    for number, (title, shots, description) in enumerate(OTHERS):
        story = tuple(STORY[place] for place in shots)
        path = folder / f"film-{number}.mp4"
        film(path, story, photos)
        path.with_suffix(".en.srt").write_text(subtitles(story))
        rows.append(f'{path},"{title}","{description}"')
    return "\n".join(["file,title,description", *rows])


def _table(folder: Path) -> Path:
    """Made-up titles of which half do well: something to train a candidate on."""
    path = folder / "table.csv"
    words = (("Amazing cat rocket", 90_000), ("Minutes of the meeting", 100))
    rows = [f"{word} number {i},Channel {i % 15},{views + i}" for i in range(30) for word, views in words]
    path.write_text("title,channel,views\n" + "\n".join(rows))
    return path


def _places(browser: "Browser", card: DashboardCard) -> Places:
    """Ask the API what there is to show, and let it replay once."""
    visit = Visit(browser)
    page = visit.open(card.link)
    page.wait_for_url(lambda at: "/login" not in at)

    def ask(path: str, method: str = "GET", body: object = None) -> Any:  # as JSON gives it
        said = page.evaluate(
            """async ([path, method, body]) => {
                const headers = body ? {"Content-Type": "application/json"} : {};
                const answer = await fetch(path, {method, headers, body: body && JSON.stringify(body)});
                return await answer.text();
            }""",
            [path, method, body],
        )
        return json.loads(said)

    job = ask("/v1/jobs", "POST", {"kind": "replay", "targets": ["virality"]})
    videos = [v for v in ask("/v1/videos?state=done")["items"] if v.get("predictions")]
    people = ask("/v1/people")["items"]
    release = ask("/v1/releases")[0]["release"]
    for path in ("/label", "/operations"):  # what they show is read in the background, from the first visit on
        page.goto(card.url + path)
        page.wait_for_timeout(10_000)
    visit.context.close()
    return Places(
        video=videos[-1]["video_id"],
        other=videos[0]["video_id"],
        person=people[0]["identity_id"],
        release=f"{release['target']}/{release['release_id']}",
        job=job.get("job_id", ""),
    )


if __name__ == "__main__":
    main()
