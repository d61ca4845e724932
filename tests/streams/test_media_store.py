import errno
import os
import threading
from pathlib import Path

import pytest

from processors.ports import MediaStore
from schemas.errors import Refused, StorageUnavailable
from streams.storage.media import FolderMediaStore, FsspecMediaStore, media_store


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MediaStore:
    location = str(tmp_path / "media") if request.param == "folder" else f"memory://{tmp_path.name}"
    return media_store(location, tmp_path / "cache")


def test_the_location_says_which_store_it_is(tmp_path: Path) -> None:
    assert isinstance(media_store(str(tmp_path), tmp_path), FolderMediaStore)
    assert isinstance(media_store(f"file://{tmp_path}", tmp_path), FolderMediaStore)
    assert isinstance(media_store("memory://bucket", tmp_path), FsspecMediaStore)


def test_what_was_put_can_be_read_and_replaced(store: MediaStore) -> None:
    assert not store.exists("videos/a/media.mp4")
    store.put("videos/a/media.mp4", b"one")
    store.put("videos/a/media.mp4", b"two")
    assert store.exists("videos/a/media.mp4")
    assert store.get("videos/a/media.mp4") == b"two"


def test_a_file_is_copied_and_the_original_stays(store: MediaStore, tmp_path: Path) -> None:
    original = tmp_path / "original.mp4"
    original.write_bytes(b"bytes")
    store.put_file("videos/a/media.mp4", original)
    original.write_bytes(b"other bytes")
    assert store.get("videos/a/media.mp4") == b"bytes"


def test_a_file_that_is_taken_over_is_gone_from_where_it_was(store: MediaStore, tmp_path: Path) -> None:
    path = tmp_path / "finished.part"
    path.write_bytes(b"video")
    store.take_file("videos/a/media.mp4", path)
    assert store.get("videos/a/media.mp4") == b"video"
    assert not path.exists()


def test_a_file_that_is_not_there_cannot_be_taken_over(store: MediaStore, tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        store.take_file("videos/a/media.mp4", tmp_path / "nothing")
    assert not store.exists("videos/a/media.mp4")


def test_a_local_path_holds_the_newest_bytes(store: MediaStore) -> None:
    store.put("videos/a/media.mp4", b"one")
    first = store.local("videos/a/media.mp4")
    assert first.read_bytes() == b"one"
    assert store.local("videos/a/media.mp4") == first
    store.put("videos/a/media.mp4", b"other")
    assert store.local("videos/a/media.mp4").read_bytes() == b"other"


def test_the_first_claim_wins_and_everybody_hears_who_it_was(store: MediaStore) -> None:
    assert store.claim("content/abc", b"youtube:one") == b"youtube:one"
    assert store.claim("content/abc", b"youtube:two") == b"youtube:one"
    assert store.claim("content/abc", b"youtube:one") == b"youtube:one"


def test_of_many_claims_at_once_exactly_one_wins(tmp_path: Path) -> None:
    answers: list[bytes] = []
    start = threading.Barrier(8)

    def claim(number: int) -> None:
        start.wait()
        answers.append(FolderMediaStore(tmp_path).claim("content/abc", b"%d" % number))

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len(set(answers)) == 1


@pytest.mark.parametrize("ref", ["", "/etc/passwd", "../x", "a/../../x", "a//b", ".hidden", "a/.hidden", "a\\b", "a\n"])
def test_no_reference_climbs_out(store: MediaStore, ref: str) -> None:
    for use in (store.get, store.exists, store.local, lambda r: store.put(r, b""), lambda r: store.claim(r, b"")):
        with pytest.raises(Refused, match="media store"):
            use(ref)


def test_what_is_absent_is_unavailable(store: MediaStore, tmp_path: Path) -> None:
    for use in (store.get, store.local):
        with pytest.raises(StorageUnavailable, match="not in the media store"):
            use("videos/none")
    with pytest.raises(StorageUnavailable):
        store.put_file("videos/none", tmp_path / "none")


def test_a_failed_write_leaves_neither_half_a_file_nor_rubbish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderMediaStore(tmp_path)
    store.put("videos/a", b"old")

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:1])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    for write in (store.put, store.claim):
        with pytest.raises(StorageUnavailable, match="No space left"):
            write("videos/a", b"new")
    assert store.get("videos/a") == b"old"
    assert [path.name for path in (tmp_path / "videos").iterdir()] == ["a"]


def test_a_store_without_permission_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "media").write_text("a file where the folder should be")
    with pytest.raises(StorageUnavailable):
        FolderMediaStore(tmp_path / "media").put("a/b", b"x")
