"""Releases of each target, and their parts."""

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import Field

from dashboard.access.roles import Admin, Viewer
from dashboard.api.answers import Json, problems, returns
from dashboard.api.bodies import KnownFields
from dashboard.api.patterns import RELEASE, RELEASE_OF_TARGET, TARGET
from dashboard.desk import Desk, TheDesk
from dashboard.problems import not_found
from dashboard.rows import ReleaseRow
from schemas.errors import UsageError
from schemas.promotions import RoleGiven
from streams.release_comparison import OnBoth, metrics_of, on_both, read_said
from streams.release_roles import give_role

router = APIRouter(prefix="/v1")

TargetName = Annotated[str, Path(pattern=TARGET, examples=["virality"])]
ReleaseId = Annotated[str, Path(pattern=RELEASE, examples=["us-2017-autumn"])]
Named = Annotated[str, Query(pattern=RELEASE_OF_TARGET, max_length=130, examples=["virality/us-2017-autumn"])]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Two releases side by side: measured in training by name (`a`, `b`), and on the videos that both have scored."""

    a: ReleaseRow
    b: ReleaseRow
    metrics: dict[str, tuple[float | None, float | None]]
    videos: OnBoth


class RoleWanted(KnownFields):
    """``promoted``: it serves. ``shadow``: it scores beside the one that serves. ``retired``: it scores nothing."""

    role: Literal["promoted", "shadow", "retired"] = Field(examples=["shadow"])


@router.get("/releases", responses=returns(list[ReleaseRow]))
def list_releases(
    desk: TheDesk, caller: Viewer, target: Annotated[str, Query(pattern=TARGET + "|^$", description="Of this target only.")] = ""
) -> Response:  # fmt: skip
    """List releases with their parts, by target, newest first."""
    return Json([row for row in desk.library.releases() if target in ("", row.release.target)])


@router.get("/releases/compare", responses=returns(Compared) | problems(404))
def compare_releases(desk: TheDesk, caller: Viewer, a: Named, b: Named) -> Response:
    """Put two releases of one target side by side."""
    return Json(compared(desk, a, b))


@router.get("/releases/{target}/{release_id}", responses=returns(ReleaseRow))
def show_release(desk: TheDesk, caller: Viewer, target: TargetName, release_id: ReleaseId) -> Response:
    """Show a release: what it was taught on, how good it is, what part it has."""
    return Json(release_row(desk, f"{target}/{release_id}"))


@router.put("/releases/{target}/{release_id}/role", responses=returns(RoleGiven))
def set_role(desk: TheDesk, caller: Admin, target: TargetName, release_id: ReleaseId, wanted: RoleWanted) -> Response:
    """Promote a release, let it score in the shadow, or retire it; running workers switch without a restart."""
    row = release_row(desk, f"{target}/{release_id}")
    return Json(give_role(desk.settings, desk.bootstrap, row.release, role=wanted.role))


def release_row(desk: Desk, name: str) -> ReleaseRow:
    """Look a release up by ``TARGET/RELEASE``.

    Raises
    ------
    Problem
        There is none.
    """
    found = next((row for row in desk.library.releases() if row.release.record_key == name), None)
    if found is None:
        raise not_found("release", name)
    return found


def compared(desk: Desk, a: str, b: str) -> Compared:
    """Compare two releases.

    Raises
    ------
    Problem
        One of them is not there.
    UsageError
        They are of different targets.
    """
    one, other = release_row(desk, a), release_row(desk, b)
    if one.release.target != other.release.target:
        raise UsageError(f"expected two releases of one target, got {a} and {b}")
    target = next((t for t in desk.library.targets() if t.name == one.release.target), None)
    said = read_said(desk.settings, desk.bootstrap, one.release, other.release)
    return Compared(
        a=one,
        b=other,
        metrics=dict(metrics_of(one.release, other.release)),
        videos=on_both(said, one.release, other.release, target),
    )
