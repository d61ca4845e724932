"""Fitted models that scorers may use."""

from typing import Annotated

import msgspec

from schemas.event import Event

TargetName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$(?!\n)")]
ReleaseId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_.\-]{0,63}$(?!\n)")]
FileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_\-][A-Za-z0-9_.\-]{0,63}$(?!\n)")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]


class ReleaseFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a release folder, pinned by content."""

    name: FileName
    sha256: Sha256
    size_bytes: int


class ReleasePublished(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A release is on the shelf; scorers load it when they hear this.

    Attributes
    ----------
    metrics : dict
        Cross-validated figures by name, with the constant's beside each error.
    trained_at_s : float
        Seconds since the epoch, UTC.
    card : str
        Markdown: what it was taught on, how good it is, what it does not know.
    """

    target: TargetName
    release_id: ReleaseId
    kind: str
    files: tuple[ReleaseFile, ...]
    trained_at_s: float
    rows: int
    metrics: dict[str, float]
    beats_constant: bool
    card: str = ""

    @property
    def record_key(self) -> str:
        return f"{self.target}/{self.release_id}"

    @property
    def partition_key(self) -> str:
        return self.target
