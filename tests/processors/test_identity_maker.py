"""Vectors of two face models never meet in one gallery, though they have the same form."""

import msgspec
import pytest
from people import ONE, TWO, Machine, command, photo, track, video

from schemas.commands import CommandAnswered, IdentityEnrolled, IdentityForgotten
from schemas.errors import Refused

OLD = {"model": "centerface+dlib-face", "model_version": "1-f32-448px"}
OTHER_SIZE = OLD | {"model_version": "1-f32-640px"}
OTHER_VERSION = OLD | {"model_version": "2-f32-448px"}
OTHER_MODEL = OLD | {"model": "yunet+sface"}


def _enrol(machine: Machine, number: int, **changes: str) -> str:
    shown = msgspec.structs.replace(photo("bert"), **changes)
    said = machine.feed(command(IdentityEnrolled, number, name="Bert", photos=(shown,)))
    return next(f"{e.state}: {e.message}" for e in said if isinstance(e, CommandAnswered))


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    machine.feed(*video(ONE, ["anna"], **OLD))
    return machine


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("other", [OTHER_MODEL, OTHER_VERSION])
def test_a_face_of_another_model_is_refused_with_what_to_do(machine: Machine, other, restarted: bool) -> None:
    if restarted:
        machine.restart()
    states = dict(machine.memory.states)
    with pytest.raises(Refused, match=r"made by centerface\+dlib-face 1-f32, but .* GROUNDSWELL_HOME"):
        machine.feed(track(TWO, 0, 0, "anna", **other))
    assert machine.memory.states == states
    machine.feed(*video(TWO, ["anna"], **OLD))
    assert machine.owner(f"{ONE}/0/0") == machine.owner(f"{TWO}/0/0")


def test_how_large_the_pictures_were_does_not_matter(machine: Machine) -> None:
    machine.feed(*video(TWO, ["anna"], **OTHER_SIZE))
    assert machine.owner(f"{ONE}/0/0") == machine.owner(f"{TWO}/0/0")


def test_photos_are_held_to_the_same(machine: Machine) -> None:
    assert _enrol(machine, 1, **OTHER_MODEL).startswith("refused: the gallery holds faces made by centerface")
    assert _enrol(machine, 2, **OTHER_SIZE).startswith("done")
    assert _enrol(machine, 3).startswith("done")  # made before photos said what made them


def test_a_gallery_with_nobody_left_begins_anew_with_another_model(machine: Machine) -> None:
    machine.feed(command(IdentityForgotten, identity_id=machine.owner(f"{ONE}/0/0")))
    machine.feed(*video(TWO, ["anna"], **OTHER_MODEL))
    assert machine.owner(f"{TWO}/0/0")
    with pytest.raises(Refused):
        machine.feed(*video("url:three", ["anna"], **OLD))
