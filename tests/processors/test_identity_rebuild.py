"""The gallery comes out the same from its log, after any restart, and under redelivery."""

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people import ONE, THREE, TWO, Machine, command, photo, video

from schemas.commands import (
    CommandTaken,
    CommandUndone,
    IdentitiesMerged,
    IdentityEnrolled,
    IdentityForgotten,
    IdentityNamed,
    IdentityNot,
    IdentitySplit,
)
from schemas.event import Event

NAMES = ["anna", "bert", "carl", "dora"]
VIDEOS = [ONE, TWO, THREE]
casts = st.lists(st.lists(st.sampled_from(NAMES), max_size=3), min_size=1, max_size=3)
orders = st.lists(
    st.tuples(st.sampled_from(["name", "merge", "split", "not", "undo", "forget", "enrol"]), st.integers(0, 9), st.integers(0, 9)),
    max_size=6,
)  # fmt: skip


def story(machine: Machine, films: list[list[list[str]]], asked: list[tuple[str, int, int]]) -> list[Event]:
    """Play films and commands, and give everything that came in, as the logs have it."""
    log: list[Event] = []
    commands = list(asked)
    for number, film in enumerate(films):
        for event in video(VIDEOS[number], *film):
            machine.feed(event)
            log.append(event)
        for kind, left, right in [commands.pop(0) for _ in range(min(2, len(commands)))]:
            wanted = _command(machine, kind, left=left, right=right, number=len(log))
            if wanted is not None:
                log += [e for e in machine.feed(wanted) if isinstance(e, CommandTaken)]
    return log


def _command(machine: Machine, kind: str, *, left: int, right: int, number: int):
    known = sorted(machine.identities)
    tracks = sorted(k.removeprefix("track/") for k in machine.memory.states if k.startswith("track/url"))
    before = [e.command.event_id for e in machine.said if isinstance(e, CommandTaken)]
    if kind == "enrol":
        return command(IdentityEnrolled, number, name=f"N{left}", photos=(photo(NAMES[right % 4], left),))
    if not known or not tracks or (kind == "undo" and not before):
        return None
    one, other, some = known[left % len(known)], known[right % len(known)], tracks[right % len(tracks)]
    return {
        "name": lambda: command(IdentityNamed, number, identity_id=one, name=f"N{right}"),
        "merge": lambda: command(IdentitiesMerged, number, into_id=one, from_id=other),
        "split": lambda: command(IdentitySplit, number, identity_id=machine.owner(some) or one, tracks=(some,)),
        "not": lambda: command(IdentityNot, number, identity_id=one, track=some),
        "undo": lambda: command(CommandUndone, number, command_id=before[right % len(before)]),
        "forget": lambda: command(IdentityForgotten, number, identity_id=one),
    }[kind]()


def stored(machine: Machine) -> dict[str, bytes]:
    return {key: msgspec.json.encode(state, order="deterministic") for key, state in machine.memory.states.items()}


OPTIONS = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@OPTIONS
@given(films=st.lists(casts, min_size=1, max_size=3), asked=orders)
def test_a_rebuild_from_the_log_gives_the_same_gallery_byte_for_byte(films, asked):
    live = Machine()
    log = story(live, films, asked)
    again = Machine()
    again.feed(*log)
    assert stored(again) == stored(live)
    assert again.fold.gallery.digest() == live.fold.gallery.digest()
    assert again.identities == live.identities


@OPTIONS
@given(films=st.lists(casts, min_size=1, max_size=3), asked=orders, flat_limit=st.sampled_from([2, 50_000]))
def test_a_restart_after_every_event_changes_nothing(films, asked, flat_limit):
    steady = Machine(flat_limit=flat_limit)
    log = story(steady, films, asked)
    restless = Machine(flat_limit=flat_limit)
    for event in log:
        restless.feed(event)
        restless.restart()
    assert stored(restless) == stored(steady)
    assert restless.said == [e for e in steady.said if not isinstance(e, CommandTaken)]
    assert restless.fold.gallery.digest() == steady.fold.gallery.digest()


@OPTIONS
@given(films=st.lists(casts, min_size=1, max_size=3), asked=orders, data=st.data())
def test_redelivery_changes_nothing(films, asked, data):
    once = Machine()
    log = story(once, films, asked)
    twice = Machine()
    for place, event in enumerate(log):
        twice.feed(event)
        back = data.draw(st.integers(0, min(place, 3)))
        before = stored(twice)
        twice.feed(*log[place - back : place + 1])
        assert stored(twice) == before
    assert stored(twice) == stored(once)


@OPTIONS
@given(films=st.lists(casts, min_size=1, max_size=3), asked=orders)
def test_counts_and_sums_always_add_up(films, asked):
    machine = Machine()
    story(machine, films, asked)
    states = machine.memory.states
    people_now = {k: s.person for k, s in states.items() if s.person is not None}
    for person in people_now.values():
        own = [s.track for k, s in states.items() if s.track is not None and s.track.identity_id == person.identity_id]
        assert (person.own.count if person.own else 0) == len(own) == person.tracks + len(person.photos)
        for name in person.absorbed:
            assert people_now[f"person/{name}"].merged_into == person.identity_id
    for key, state in states.items():
        if state.video is not None:
            placed = [
                (index, p.identity_id)
                for index in range(8)
                if (segment := states.get(f"segment/{key.removeprefix('video/')}/{index}"))
                for p in segment.segment.tracks.values()
                if p.identity_id
            ]
            assert {name for _, name in placed} == set(state.video.people)
            for name, seen in state.video.people.items():
                assert seen.tracks == len([1 for _, other in placed if other == name])
    assert set(machine.identities) == {p.identity_id for p in people_now.values() if not p.merged_into and (p.name or p.tracks or p.photos or p.absorbed)}  # fmt: skip
