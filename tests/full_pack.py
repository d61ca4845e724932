"""Pack `full` in small: the manifest's own entries, with small files of the same kind in place of the published ones."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from source_server import serving

from streams.storage.weights import WeightsCache
from streams.storage.weights_manifest import PinnedNetwork, read_manifest


@contextmanager
def small_pack(folder: Path, contents: dict[str, bytes]) -> Iterator[WeightsCache]:
    """A cache whose manifest names a local server, which gives `contents` by file name, until the end of the block."""
    with serving(b"") as server:
        server.files = {name: ("application/octet-stream", content) for name, content in contents.items()}
        manifest = {
            name: _small(network, contents, server.url("file"))
            for name, network in read_manifest().items()
            if network.pack == "full" and {file.name for file in network.files} <= contents.keys()
        }
        yield WeightsCache(folder, manifest)


def _small(network: PinnedNetwork, contents: dict[str, bytes], address: str) -> PinnedNetwork:
    entry = msgspec.to_builtins(network)
    for file in entry["files"]:
        content = contents[file["name"]]
        file |= {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content), "size_slack_bytes": 0}
        file["sources"] = [{"url": f"{address}/{file['name']}"}]
    return msgspec.convert(entry, PinnedNetwork)
