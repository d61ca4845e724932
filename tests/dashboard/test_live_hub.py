import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from rows_kept import RowsKept, a_row

from dashboard.live.frames import ALL
from dashboard.live.hub import MOST_A_TICK, MOST_HEARD, Hub, Limits
from dashboard.rows import Change, VideoRow

QUICK = Limits(tick_s=0.01, beat_s=0.02, stuck_s=0.1)


def videos(*names: str) -> list[Change]:
    return [Change("video", name) for name in names]


@asynccontextmanager
async def listening(hub: Hub) -> AsyncIterator[None]:
    with hub.listening("maria"):
        yield
    hub.stop()
    await asyncio.sleep(0)


async def settled(hub: Hub, place: int) -> None:
    """Wait until the ring has got to a place."""
    async with asyncio.timeout(60):
        while hub.ring.last < place:
            await asyncio.sleep(0.005)


def said(hub: Hub) -> list[bytes]:
    """Every line of data that a reader from the start is sent."""
    found, place = b"", hub.ring.floor
    while piece := hub.ring.following(place, ALL):
        found, place = found + piece[0], piece[1]
    return [line for line in found.splitlines() if line.startswith(b"data: ")]


def test_a_hundred_changes_of_one_video_are_one_frame_with_its_newest_row() -> None:
    async def story() -> None:
        library = RowsKept()
        hub = Hub(library, limits=QUICK)
        async with listening(hub):
            for done in range(100):
                hub.hear(library.put(a_row("yt:a", done=done)))
            await settled(hub, 1)
            assert hub.ring.last == 1
            assert library.readings == 1
            assert b'"done":99,' in said(hub)[0]

    asyncio.run(story())


def test_the_library_is_read_once_a_tick_however_many_listen() -> None:
    async def story() -> None:
        library = RowsKept()
        hub = Hub(library, limits=QUICK)
        async with listening(hub), listening(hub), listening(hub):
            hub.hear(library.put(a_row("yt:a"), a_row("yt:b")))
            await settled(hub, 2)
            assert library.readings == 1

    asyncio.run(story())


def test_many_changes_go_out_over_several_ticks_and_none_is_left_behind() -> None:
    async def story() -> None:
        library = RowsKept()
        hub = Hub(library, limits=QUICK)
        names = [f"yt:v{n}" for n in range(3 * MOST_A_TICK)]
        async with listening(hub):
            hub.hear(library.put(*(a_row(name) for name in names)))
            await settled(hub, len(names))
            assert library.readings == 3
            assert len(said(hub)) == len(names)

    asyncio.run(story())


def test_nobody_is_made_to_follow_a_library_that_catches_up() -> None:
    async def story() -> None:
        library = RowsKept()
        hub = Hub(library, limits=QUICK)
        async with listening(hub):
            hub.hear(library.put(a_row("yt:a")))
            await settled(hub, 1)
            hub.hear(videos(*(f"yt:v{n}" for n in range(MOST_HEARD + 1))))
            await settled(hub, 2)
            assert hub.ring.floor == 2
            assert said(hub) == []

    asyncio.run(story())


class Shaky(RowsKept):
    """Fails as a database may, twice."""

    failures = 2

    def rows(self, video_ids: Iterable[str]) -> list[VideoRow]:
        if self.failures:
            self.failures -= 1
            raise OSError("the disk is away")
        return super().rows(video_ids)


def test_a_library_that_cannot_be_read_is_asked_again_and_nothing_is_lost() -> None:
    async def story() -> None:
        library = Shaky()
        hub = Hub(library, limits=Limits(tick_s=0.01, rest_s=0.01))
        async with listening(hub):
            hub.hear(library.put(a_row("yt:a", done=1)))
            hub.hear([Change("person", "p-1")])
            await settled(hub, 2)
            assert b'"done":1,' in said(hub)[0]

    asyncio.run(story())


def test_what_changed_before_anybody_listened_is_in_the_snapshot_and_not_sent_again() -> None:
    async def story() -> None:
        library = RowsKept()
        hub = Hub(library, limits=QUICK)
        hub.hear(library.put(a_row("yt:a")))
        async with listening(hub):
            data, place = await hub.snapshots.read(ALL)
            assert b"yt:a" in data
            hub.hear(library.put(a_row("yt:b")))
            await settled(hub, place + 1)
            assert [b"yt:b" in line for line in said(hub)] == [True]

    asyncio.run(story())


def test_a_snapshot_is_bounded_newest_first_and_says_when_there_is_more() -> None:
    async def story() -> None:
        library = RowsKept()
        library.put(*(a_row(f"yt:v{n}") for n in range(700)))
        data, _ = await Hub(library).snapshots.read(ALL)
        assert data.count(b'"video_id"') == 500
        assert data.startswith(b'{"videos":[{"video_id":"yt:v699"')
        assert data.endswith(b'"more":true}')

    asyncio.run(story())


def test_readers_that_come_together_are_given_one_snapshot() -> None:
    async def story() -> None:
        library = RowsKept()
        library.put(a_row("yt:a"))
        hub = Hub(library)
        found = await asyncio.gather(*(hub.snapshots.read(ALL) for _ in range(100)))
        assert library.readings == 1
        assert len(set(found)) == 1

    asyncio.run(story())


def test_changes_heard_in_other_threads_all_arrive() -> None:
    async def story() -> None:
        library = RowsKept()
        hub = Hub(library, limits=QUICK)
        async with listening(hub):
            changes = [library.put(a_row(f"yt:v{n}")) for n in range(100)]
            await asyncio.gather(*(asyncio.to_thread(hub.hear, one) for one in changes))
            await settled(hub, 100)
            assert len(said(hub)) == 100

    asyncio.run(story())
