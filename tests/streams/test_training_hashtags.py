"""Hashtags are learned from what videos say, show and sound like, never from the hashtags that they bear themselves."""

from functools import cache
from pathlib import Path

import fitted
import msgspec
import numpy as np
import pytest
import runs

from models.hashtags import without_hashtags
from models.pooling import pool_one
from models.release import ClassRelease, load
from processors.predict_classes import predict_classes
from schemas.media import Metadata
from schemas.summaries import Summarised
from streams.target_files import shipped
from streams.training import Order
from streams.training_classes import TrainedClasses, train_classes, write_class_release
from streams.training_source import Change, Source

HASHTAGS = shipped()["hashtags"]
SUBJECTS = {
    "cats": "my kitten plays with wool",
    "tea": "how to brew a cup of leaves",
    "bikes": "riding through the hills",
}


def video(number: int, *, follows: bool = True, bears: tuple[str, ...] | None = None) -> Summarised:
    """A video about one subject that bears its hashtag nearly always, or one that nothing follows from."""
    random = np.random.default_rng(number)
    subject = str(random.choice(list(SUBJECTS)))
    own = subject if follows and random.random() < 0.9 else str(random.choice(list(SUBJECTS)))
    tags = (own, "fyp", f"once{number}") if bears is None else bears
    written = " ".join(f"#{tag}" for tag in tags)
    tell_tale = np.array([1.0 if tag in tags else -1.0 for tag in SUBJECTS] + [0.1] * 5)
    return fitted.summary(
        number,
        event_id=runs.event_id("tagged", number, *tags),
        metadata=Metadata(
            title=SUBJECTS[subject], description=f"{written} take {number}", hashtags=tags,
            tags=tags, channel=f"channel {number % 30}",
        ),
        pooled={"video/text": pool_one(tell_tale)},
    )  # fmt: skip


def source(*, follows: bool = True, bare: int = 0) -> Source:
    """Two hundred videos with hashtags, and some without any."""
    videos = [video(number, follows=follows) for number in range(200)]
    videos += [video(number, bears=()) for number in range(200, 200 + bare)]
    return Source(
        words="made up",
        changes=lambda: (Change(one.video_id, one, 1.7e9) for one in videos),
        segments=lambda: iter(videos),
    )


@cache
def trained(*, follows: bool = True) -> TrainedClasses:
    return train_classes(Order(target=HASHTAGS, release_id="h1"), source(follows=follows))


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> ClassRelease:
    folder = tmp_path_factory.mktemp("hashtags") / "h1"
    write_class_release(trained(), folder, stages={})
    found = load(folder)
    assert isinstance(found, ClassRelease)
    return found


def test_hashtags_on_enough_videos_are_classes_and_words_tell_them(release: ClassRelease) -> None:
    manifest = release.manifest
    assert {one.name for one in manifest.classes} == set(SUBJECTS), "fyp is on every video, and the others on one each"
    assert "fyp: 200 examples with it and 0 without" in manifest.training["left_out"]
    assert manifest.beats_constant
    assert all(one.beats_base_rate and one.metrics["ap"] > 0.7 for one in manifest.classes)
    assert manifest.layout.blocks == (), "the vector of title and description holds the hashtags too"


def test_hashtags_that_follow_from_nothing_but_themselves_cannot_be_told() -> None:
    assert not trained(follows=False).beats_constant
    assert max(one.metrics["auc"] for one in trained(follows=False).classes) < 0.65
    assert not any(one.beats_base_rate or one.likely_from < 1 for one in trained(follows=False).classes)


def test_a_videos_own_hashtags_change_nothing_of_its_chances(release: ClassRelease) -> None:
    said = [predict_classes([video(500, bears=tags)], release)[0] for tags in ((), ("tea",), ("tea", "bikes"))]
    assert [one.classes for one in said[1:]] == [said[0].classes] * 2


def test_hashtags_to_copy_are_suggested_with_a_chance_and_a_base_rate_unless_the_video_bears_them(
    release: ClassRelease,
) -> None:
    about_tea = next(number for number in range(500, 600) if "leaves" in video(number).metadata.title)
    (bare,) = predict_classes([video(about_tea, bears=())], release)
    assert bare.suggestions[0].startswith("#tea: ")
    assert "of videos like this one bear it" in bare.suggestions[0]
    (borne,) = predict_classes([video(about_tea, bears=("Tea",))], release)
    assert not any(words.startswith("#tea") for words in borne.suggestions)


def test_videos_without_any_hashtag_are_no_examples(tmp_path: Path) -> None:
    with_bare = train_classes(Order(target=HASHTAGS, release_id="h1"), source(bare=30))
    write_class_release(with_bare, tmp_path / "bare", stages={})
    write_class_release(trained(), tmp_path / "all", stages={})
    for path in (tmp_path / "all").iterdir():
        assert path.read_bytes() == (tmp_path / "bare" / path.name).read_bytes()


def test_only_the_last_word_on_a_video_counts() -> None:
    videos = [video(number) for number in range(60)]
    before = [msgspec.structs.replace(one, event_id=f"{one.event_id}-", metadata=Metadata(hashtags=("old",))) for one in videos]  # fmt: skip
    told = Source(
        words="made up",
        changes=lambda: (Change(one.video_id, one, 1.7e9) for one in [*before, *videos]),
        segments=lambda: iter(()),
    )
    target = msgspec.structs.replace(HASHTAGS, minimum_examples=10)
    found = train_classes(Order(target=target), told)
    assert len(found.rows.truth) == 60
    assert "old" not in found.rows.names


@pytest.mark.parametrize("text", ["#cats", "look #cats#tea", "(#cats)", "\uff03cats", "#cats\U0001f63a"])
def test_no_hashtag_is_left_in_words_that_are_read(text: str) -> None:
    assert "cats" not in without_hashtags(text)
