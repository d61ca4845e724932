"""The states that one event changes, gathered before any of them counts."""

from msgspec.structs import replace

from processors.stage import Changes, Read
from schemas.errors import Refused
from schemas.gallery import Cells, Done, GalleryState, Page, Person, Segment, Track, Video

PAGE_VIDEOS = 256
"""Videos on a page: a famous face adds a record of a few kilobytes, not of all it was ever in."""


class Draft:
    """Reads states as they are after the changes so far; nothing is stored before the step is over.

    Attributes
    ----------
    changes : dict
        New states by key, None for those that go.
    """

    def __init__(self, read: Read[GalleryState]) -> None:
        self._read = read
        self.changes: Changes[GalleryState] = {}
        self.touched: dict[tuple[str, int], None] = {}

    def person(self, identity_id: str) -> Person | None:
        """Give an identity, None when there is none."""
        state = self._get(f"person/{identity_id}")
        return state.person if state else None

    def known(self, identity_id: str) -> Person:
        """Give an identity that must be there.

        Raises
        ------
        Refused
            It is not.
        """
        person = self.person(identity_id)
        if person is None:
            raise Refused(f"nobody is known as {identity_id}; `groundswell people list` shows everyone")
        return person

    def put_person(self, person: Person) -> None:
        self.changes[f"person/{person.identity_id}"] = GalleryState(person=person)

    def drop_person(self, identity_id: str) -> None:
        self.changes[f"person/{identity_id}"] = None

    def track(self, key: str) -> Track | None:
        """Give a track by its record key."""
        state = self._get(f"track/{key}")
        return state.track if state else None

    def put_track(self, key: str, track: Track) -> None:
        self.changes[f"track/{key}"] = GalleryState(track=track)

    def drop_track(self, key: str) -> None:
        self.changes[f"track/{key}"] = None

    def segment(self, video_id: str, index: int) -> Segment:
        """Give a segment, an empty one when nothing is known of it."""
        state = self._get(f"segment/{video_id}/{index}")
        return (state.segment if state else None) or Segment()

    def put_segment(self, video_id: str, index: int, segment: Segment) -> None:
        self.changes[f"segment/{video_id}/{index}"] = GalleryState(segment=segment)
        self.touch(video_id, index)

    def drop_segment(self, video_id: str, index: int) -> None:
        self.changes[f"segment/{video_id}/{index}"] = None
        self.touched.pop((video_id, index), None)

    def touch(self, video_id: str, index: int) -> None:
        """Remember that what is said of a segment may have changed."""
        self.touched[video_id, index] = None

    def video(self, video_id: str) -> Video | None:
        """Give what is known of a video."""
        state = self._get(f"video/{video_id}")
        return state.video if state else None

    def put_video(self, video_id: str, video: Video) -> None:
        self.changes[f"video/{video_id}"] = GalleryState(video=video)

    def drop_video(self, video_id: str) -> None:
        self.changes[f"video/{video_id}"] = None

    def videos_of(self, person: Person) -> list[str]:
        """List the videos that an identity's own faces are in."""
        return [video for number in range(person.pages) for video in self._page(person, number).videos]

    def add_video(self, person: Person, video_id: str) -> Person:
        """Note that an identity is in one more video."""
        last = person.pages - 1
        if last < 0 or len(self._page(person, last).videos) >= PAGE_VIDEOS:
            last += 1
        page = self._page(person, last)
        self._put_page(person, last, Page(videos=(*page.videos, video_id)))
        return replace(person, pages=last + 1)

    def remove_video(self, person: Person, video_id: str) -> None:
        """Note that an identity is in a video no more."""
        for number in range(person.pages):
            page = self._page(person, number)
            if video_id in page.videos:
                left = tuple(video for video in page.videos if video != video_id)
                self._put_page(person, number, Page(videos=left))

    def drop_pages(self, person: Person) -> None:
        for number in range(person.pages):
            self.changes[f"page/{person.identity_id}/{number}"] = None

    def done(self, command_id: str) -> Done | None:
        """Give a command that came by before."""
        state = self._get(f"done/{command_id}")
        return state.done if state else None

    def put_done(self, command_id: str, done: Done) -> None:
        """Remember a command, also with the identity it was about."""
        self.changes[f"done/{command_id}"] = GalleryState(done=done)
        person = self.person(done.made) if done.made else None
        if person is not None and command_id not in person.commands:
            self.put_person(replace(person, commands=(*person.commands, command_id)))

    def empty_done(self, command_id: str) -> None:
        """Keep of a command only that it came by."""
        self.changes[f"done/{command_id}"] = GalleryState(done=Done())

    def is_gone(self, event_id: str) -> bool:
        """Whether what this event said was erased."""
        return self._get(f"gone/{event_id}") is not None

    def put_gone(self, event_id: str) -> None:
        """Remember that what this event said was erased; nothing else of it is kept."""
        self.changes[f"gone/{event_id}"] = GalleryState(gone=True)

    def put_cells(self, cells: Cells) -> None:
        self.changes["cells"] = GalleryState(cells=cells)

    def maker(self) -> str:
        """Name the model that made all vectors; empty before the first one."""
        state = self._get("maker")
        return state.maker if state else ""

    def put_maker(self, maker: str) -> None:
        self.changes["maker"] = GalleryState(maker=maker)

    def gone_people(self) -> list[str]:
        """Ids of everyone this event has deleted."""
        deleted = (key for key, state in self.changes.items() if state is None and key.startswith("person/"))
        return sorted(key.removeprefix("person/") for key in deleted)

    def changed_people(self) -> list[Person]:
        """Everyone this event has changed so far, in order of id."""
        changed = [state.person for state in self.changes.values() if state is not None and state.person is not None]
        return sorted(changed, key=lambda person: person.identity_id)

    def _get(self, key: str) -> GalleryState | None:
        return self.changes[key] if key in self.changes else self._read(key)

    def _page(self, person: Person, number: int) -> Page:
        state = self._get(f"page/{person.identity_id}/{number}")
        return (state.page if state else None) or Page()

    def _put_page(self, person: Person, number: int, page: Page) -> None:
        self.changes[f"page/{person.identity_id}/{number}"] = GalleryState(page=page)
