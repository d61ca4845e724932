import gzip

import fitted
import pytest

from models.release import load
from schemas.errors import TrainingImpossible
from streams.training import Order, train
from streams.training_table import read_table

TEXT = fitted.HashedWords()


def order(target: str = "virality") -> Order:
    return Order(target=target, release_id="r1", source="a made-up table", now_s=5.0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training")
    table = fitted.write_table(folder / "videos.csv")
    return train(order(), table, folder / "release", text=TEXT)


def test_a_table_becomes_a_release_that_beats_the_constant(trained):
    assert trained.beats_constant
    assert trained.metrics["mse"] < trained.metrics["mse_constant"]
    assert trained.rows == 400
    assert trained.groups == 60
    assert 0.8 < trained.metrics["coverage_90"] <= 1
    assert load(trained.folder).manifest.release_id == "r1"


def test_the_card_shows_the_errors_beside_the_constants(trained):
    card = load(trained.folder).card
    assert f"{trained.metrics['mse']:.4g}" in card
    assert f"{trained.metrics['mse_constant']:.4g}" in card
    assert "a made-up table" in card


def test_a_table_in_which_nothing_decides_is_not_published_unless_forced(tmp_path):
    table = fitted.write_table(tmp_path / "noise.csv", learnable=False)
    with pytest.raises(TrainingImpossible, match="--force"):
        train(order(), table, tmp_path / "release", text=TEXT)
    assert not (tmp_path / "release").exists()
    forced = train(order(), table, tmp_path / "release", text=TEXT, force=True)
    assert not forced.beats_constant
    assert not load(tmp_path / "release").manifest.beats_constant


def test_training_twice_gives_the_same_files(trained, tmp_path):
    table = fitted.write_table(tmp_path / "videos.csv")
    train(order(), table, tmp_path / "release", text=TEXT)
    for path in trained.folder.iterdir():
        assert path.read_bytes() == (tmp_path / "release" / path.name).read_bytes()


def test_another_target_of_the_same_table_is_learned_alike(tmp_path):
    table = fitted.write_table(tmp_path / "videos.csv")
    assert train(order("engagement"), table, tmp_path / "release", text=TEXT).beats_constant


@pytest.mark.parametrize(
    ("target", "rows", "message"),
    [("smell", 400, "no target is called"), ("virality", 40, "at least 100 videos")],
)
def test_what_cannot_be_learned_is_said(target, rows, message, tmp_path):
    table = fitted.write_table(tmp_path / "videos.csv", rows=rows)
    with pytest.raises(TrainingImpossible, match=message):
        train(order(target), table, tmp_path / "release", text=TEXT)


def table_of(tmp_path, text: str, name: str = "t.csv"):
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return read_table(path)


def test_lines_of_one_video_on_several_days_become_one_row_with_its_largest_counts(tmp_path):
    text = "video_id,title,channel,views\n#NAME?,A,c,10\n-x,A,c,30\nb,B,c,5\n=y,A,c,20\n"
    first, second = table_of(tmp_path, text)
    assert (first.metadata.title, first.metadata.views) == ("A", 30)
    assert (second.metadata.title, second.metadata.views) == ("B", 5)


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_headings_are_found_under_the_names_they_bear(tmp_path, name):
    text = '\ufeffID,Video Title,Author,View Count,Keywords,Duration\n1,Hello,me,"1,234",a|b,12.5\n'
    (row,) = table_of(tmp_path, text, name)
    assert row.metadata.title == "Hello"
    assert row.metadata.views == 1234
    assert row.metadata.tags == ("a", "b")
    assert (row.group, row.duration_s) == ("me", 12.5)


def test_tabs_separate_a_tsv(tmp_path):
    (row,) = table_of(tmp_path, "title\tviews\nHello, you\t7\n", "t.tsv")
    assert (row.metadata.title, row.metadata.views) == ("Hello, you", 7)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2017-11-14T12:00:00Z", 1510660800.0), ("1510660800", 1510660800.0), ("13.09", None), ("soon", None), ("", None)],
)
def test_dates_that_are_no_dates_are_not_known(tmp_path, text, seconds):
    (row,) = table_of(tmp_path, f"title,upload_date\nA,{text}\n")
    assert row.metadata.uploaded_at_s == seconds


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"views\n1\n", "t.csv", "no column for titles"),
        (b"\xff\xfe\x00", "t.csv", "cannot be read"),
        (b"not gzip", "t.csv.gz", "cannot be read"),
        (b"", "t.csv", "no column for titles"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_with_the_reason(tmp_path, content, name, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TrainingImpossible, match=message):
        read_table(tmp_path / name)
    with pytest.raises(TrainingImpossible, match="cannot be read"):
        read_table(tmp_path / "absent.csv")
