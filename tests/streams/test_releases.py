import fitted
import pytest

from models.release import ARRAYS, load
from schemas.errors import ReleaseInvalid
from streams.storage.media import FolderMediaStore
from streams.storage.releases import ReleaseShelf, event_of


@pytest.fixture
def source(tmp_path):
    return fitted.release_folder(tmp_path / "source")


@pytest.fixture
def media(tmp_path):
    return FolderMediaStore(tmp_path / "media")


@pytest.fixture
def shelf(tmp_path, media):
    return ReleaseShelf(tmp_path / "home", media)


def names(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_published_release_lies_on_the_shelf_as_it_was(shelf, source):
    event = shelf.publish(source)
    assert names(shelf.folder(event.target, event.release_id)) == names(source)


def test_the_event_pins_every_file_and_repeats_card_and_metrics(source):
    event = event_of(source)
    assert {file.name for file in event.files} == set(names(source))
    assert event.card == "# made up\n"
    assert event.metrics == load(source).manifest.metrics
    assert event == event_of(source)


def test_publishing_the_same_folder_again_changes_nothing(shelf, source):
    assert shelf.publish(source) == shelf.publish(source)


def test_another_release_under_a_taken_name_is_refused(shelf, source, tmp_path):
    shelf.publish(source)
    other = fitted.release_folder(tmp_path / "other", rows=3)
    with pytest.raises(ReleaseInvalid, match="another release"):
        shelf.publish(other)


def test_another_machine_gets_the_release_from_the_media_store(shelf, source, media, tmp_path):
    shelf.publish(source)
    elsewhere = ReleaseShelf(tmp_path / "elsewhere", media)
    assert names(elsewhere.folder("virality", "r1")) == names(source)


def test_a_file_altered_in_the_media_store_is_refused_and_nothing_is_left_behind(shelf, source, media, tmp_path):
    shelf.publish(source)
    media.put(f"releases/virality/r1/{ARRAYS}", b"something else")
    elsewhere = ReleaseShelf(tmp_path / "elsewhere", media)
    with pytest.raises(ReleaseInvalid, match="sha256"):
        elsewhere.folder("virality", "r1")
    assert not list((tmp_path / "elsewhere" / "releases" / "virality").iterdir())


def test_a_release_that_nobody_published_is_not_found(shelf):
    with pytest.raises(ReleaseInvalid, match="groundswell train"):
        shelf.folder("virality", "r1")


def test_a_folder_that_is_no_release_is_not_published(shelf, tmp_path):
    with pytest.raises(ReleaseInvalid):
        shelf.publish(tmp_path)


def test_the_starters_can_be_put_on_the_shelf_and_loaded(shelf):
    events = shelf.install_starters()
    assert "virality" in {event.target for event in events}
    for event in events:
        assert load(shelf.folder(event.target, event.release_id)).manifest.target == event.target
