"""Which vectors the releases that serve can read: what stands must be readable, or nothing is predicted any more."""

from collections.abc import Iterable

from models.release import read_manifest
from schemas.errors import UsageError
from schemas.event import WHOLE_VIDEO
from schemas.features import FeatureExtracted
from streams.release_roles import read_roster
from streams.settings import Settings
from streams.storage.releases import ReleaseShelf
from streams.world import open_media

Sizes = dict[str, tuple[int, str]]
"""By place and modality how many numbers a vector must have, and for which release."""


class OtherSize(UsageError):
    """A release that serves was taught on vectors of another network."""


def sizes_read(settings: Settings, bootstrap: str) -> Sizes:
    """Read what the releases that serve were taught on.

    Raises
    ------
    BrokerUnavailable
        Kafka does not answer.
    ReleaseInvalid
        Files of such a release are missing or altered.
    """
    roster = read_roster(settings, bootstrap)
    shelf = ReleaseShelf(settings.home, open_media(settings))
    serving = (release for target in roster.targets if (release := roster.serving(target)))
    return {
        block.name: (block.size, release.record_key)
        for release in serving
        for block in read_manifest(shelf.folder(release.target, release.release_id)).layout.blocks
    }


def check_readable(features: Iterable[FeatureExtracted], sizes: Sizes) -> None:
    """Refuse vectors that a release which serves cannot read.

    Raises
    ------
    OtherSize
        One has another size than the release was taught on.
    """
    for feature in features:
        place = "video" if feature.scope == WHOLE_VIDEO else "segments"
        size, release = sizes.get(f"{place}/{feature.modality}", (0, ""))
        if size and feature.vector and feature.vector.dim != size:
            raise OtherSize(
                f"{release} serves and was taught on {size} numbers of {place}/{feature.modality}, but "
                f"{feature.model_version} gives {feature.vector.dim}: nothing could be predicted any more. Retire it "
                f"(groundswell releases retire {release}), promote, train again and replay"
            )
