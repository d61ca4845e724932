"""Pinned files from a hub's or a release's address."""

import http.client
from pathlib import Path
from urllib.request import Request, urlopen

from schemas.errors import WeightsMissing
from streams.storage.weights_manifest import PinnedFile
from streams.storage.wheels import Bytes, copy_pinned

SILENCE_S = 60.0
"""A server that says nothing for so long is given up."""


def download_file(url: str, pinned: PinnedFile, *, folder: Path, report: Bytes) -> None:
    """Bring one file into `folder`, provided it is the pinned one. Proxies of the environment are used.

    Raises
    ------
    WeightsMissing
        The address does not give it, or gives another file.
    """
    target = folder / pinned.name
    asked = Request(url, headers={"User-Agent": "groundswell"})  # noqa: S310 - the manifest admits http and https only
    try:
        with urlopen(asked, timeout=SILENCE_S) as incoming, target.open("wb") as outgoing:  # noqa: S310 - as above
            sha256 = copy_pinned(incoming, outgoing, pinned, report=report)
    except (OSError, http.client.HTTPException) as error:
        raise WeightsMissing(f"{url} does not give {pinned.name}: {error}; check the network and try again") from error
    if sha256 != pinned.sha256:
        target.unlink()
        raise WeightsMissing(
            f"{pinned.name} from {url} has sha256 {sha256[:16]}..., but the manifest pins {pinned.sha256[:16]}...; "
            "it was altered or damaged on the way: fetch it again from a source you trust"
        )
