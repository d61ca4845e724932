"""Which networks there are and what their files must be: ``models/weights.toml``."""

import hashlib
import re
from pathlib import Path
from typing import Annotated

import msgspec

import models
from schemas.errors import WeightsMissing

MANIFEST = Path(models.__file__).with_name("weights.toml")

FileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_\-][A-Za-z0-9_.\-]*$")]
"""A plain name: it cannot leave its folder."""

_CONVERTER = re.compile(r"^models\.[a-z0-9_.]+:[a-z_]+$")


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file inside a wheel of one exact version, or by itself at an address of a hub or a release.

    Raises
    ------
    ValueError
        It is neither or both.
    """

    distribution: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]*$")] | None = None
    version: Annotated[str, msgspec.Meta(pattern=r"^[0-9][A-Za-z0-9.!+]*$")] | None = None
    path: str | None = None
    url: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s/]+/\S+$")] | None = None

    def __post_init__(self) -> None:
        wheel = (self.distribution, self.version, self.path)
        if not (all(wheel) and self.url is None) and not (self.url and wheel == (None, None, None)):
            raise ValueError("a source is either distribution, version and path, or url")

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.distribution}=={self.version}"


class PinnedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A published file, to the byte, and where it can be had, best source first.

    Attributes
    ----------
    size_slack_bytes : int
        More than 0 where the publisher rounds the size: it may be so far off, and only the sha256 decides.
    """

    name: FileName
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    size_bytes: Annotated[int, msgspec.Meta(gt=0)]
    licence: str
    origin: str
    sources: Annotated[tuple[Source, ...], msgspec.Meta(min_length=1)]
    size_slack_bytes: Annotated[int, msgspec.Meta(ge=0)] = 0

    @property
    def most_bytes(self) -> int:
        """What is larger is not this file."""
        return self.size_bytes + self.size_slack_bytes


DEFAULT_PACK = "default"
"""What every stage needs; other packs go with an extra of the package."""


class PinnedNetwork(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A network: its published files, what they are converted to, and the pack it is fetched with."""

    about: str
    converter: Annotated[str, msgspec.Meta(pattern=_CONVERTER.pattern)]
    recipe: int
    converts_to: Annotated[tuple[FileName, ...], msgspec.Meta(min_length=1)]
    files: Annotated[tuple[PinnedFile, ...], msgspec.Meta(min_length=1)]
    pack: str = DEFAULT_PACK

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    @property
    def digest(self) -> str:
        """Name what a conversion depends on: a change of any of it is another folder in the cache."""
        facts = (self.converter, self.recipe, self.converts_to, [(f.name, f.sha256) for f in self.files])
        return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()[:16]


def read_manifest(path: Path = MANIFEST) -> dict[str, PinnedNetwork]:
    """Read the networks by name.

    Raises
    ------
    WeightsMissing
        The manifest is absent or says something we do not understand.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=dict[FileName, PinnedNetwork])
    except (OSError, msgspec.DecodeError) as error:
        raise WeightsMissing(f"the weights manifest {path} cannot be read: {error}") from error
