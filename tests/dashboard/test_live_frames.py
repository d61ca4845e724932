import pytest

from dashboard.live.frames import ALL, Forgotten, Frame, Ring, Wish


def frames(*names: str, kind: str = "video") -> list[Frame]:
    return [Frame(kind, (kind, name), b'{"n":"%s"}' % name.encode()) for name in names]


def heard(ring: Ring, place: int, wish: Wish = ALL) -> list[str]:
    """Names in what a reader is sent."""
    said = b""
    while piece := ring.following(place, wish):
        said += piece[0]
        place = piece[1]
    assert place == ring.last
    return [line.split('"')[3] for line in said.decode().splitlines() if line.startswith("data: ")]


def test_a_reader_hears_everything_once_and_in_order() -> None:
    ring = Ring("e")
    ring.add(frames("a", "b"))
    ring.add(frames("c"))
    assert heard(ring, 0) == ["a", "b", "c"]
    assert heard(ring, 1) == ["b", "c"]
    assert heard(ring, 3) == []


def test_each_frame_has_its_own_number_and_the_epoch() -> None:
    ring = Ring("e")
    ring.add(frames("a", "b"))
    piece = ring.following(0, ALL)
    assert piece is not None
    assert piece[0].decode().split("\n\n")[0].splitlines()[0] == "id: e-1"
    assert piece[0].decode().split("\n\n")[1].splitlines()[0] == "id: e-2"


def test_who_is_behind_hears_only_the_newest_of_each_thing() -> None:
    ring = Ring("e")
    for _ in range(50):
        ring.add(frames("a"))
    ring.add(frames("b", "a"))
    assert heard(ring, 0) == ["b", "a"]


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (ALL, ["v1", "v2", "p1", "l1"]),
        (Wish(videos=frozenset({"v2"})), ["v2"]),
        (Wish(kinds=frozenset({"person"})), ["p1"]),
        (Wish(kinds=frozenset({"video", "label"}), videos=frozenset({"v1"})), ["v1", "l1"]),
        (Wish(kinds=frozenset()), []),
    ],
)
def test_a_reader_hears_what_it_wishes(wish: Wish, expected: list[str]) -> None:
    ring = Ring("e")
    ring.add([*frames("v1", "v2"), *frames("p1", kind="person"), *frames("l1", kind="label")])
    assert heard(ring, 0, wish) == expected


def test_a_ring_is_bounded_in_frames_and_in_bytes() -> None:
    few, small = Ring("e", most_frames=10), Ring("e", most_bytes=100_000)
    for number in range(500):
        few.add(frames(f"v{number}"))
        small.add([Frame("video", ("video", f"v{number}"), b"x" * 10_000)])
    assert len(few) == 10
    assert small.size_bytes <= 100_000
    assert len(small._newest) == len(small) == 9


def test_a_reader_is_told_when_what_it_missed_is_forgotten() -> None:
    ring = Ring("e", most_frames=2)
    for name in "abcd":
        ring.add(frames(name))
    assert heard(ring, 2) == ["c", "d"]
    with pytest.raises(Forgotten):
        ring.following(1, ALL)


def test_what_is_lost_is_lost_for_every_reader() -> None:
    ring = Ring("e")
    ring.add(frames("a"))
    ring.lose()
    with pytest.raises(Forgotten):
        ring.following(1, ALL)
    assert heard(ring, ring.last) == []
    assert ring.size_bytes == len(ring) == 0


@pytest.mark.parametrize("event_id", ["", "e", "e-", "f-2", "e-99", "e--1", "e-x", "e-²", "e-" + "9" * 60, "e-0"])
def test_an_id_from_elsewhere_or_long_ago_is_no_place(event_id: str) -> None:
    ring = Ring("e", most_frames=2)
    for name in "abcd":
        ring.add(frames(name))
    assert ring.place(event_id) is None
    assert ring.place("e-3") == 3


def test_a_large_tick_goes_out_in_pieces() -> None:
    ring = Ring("e")
    ring.add([Frame("video", ("video", str(n)), b"x" * 3_000) for n in range(100)])
    sizes, place = [], 0
    while piece := ring.following(place, ALL):
        sizes.append(len(piece[0]))
        place = piece[1]
    assert place == 100
    assert max(sizes) < 40_000
