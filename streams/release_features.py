"""The features that a release was taught on: they lie side by side with others until it is promoted, and stand then."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from models.release import AnyManifest, read_manifest
from models.taught_on import TaughtOn, most_taught_on, strange
from schemas.codec import head_of
from schemas.event import WHOLE_VIDEO, VideoId
from schemas.releases import ReleasePublished
from streams import faces_again
from streams.kafka.bulk import read_to_end
from streams.readable import OtherSize
from streams.reextraction import AnsweredBefore, Repeatable, repeatable
from streams.release_roles import read_roster
from streams.replay_selection import Selection
from streams.replay_stage import OnVideo, Reextracted, StageWishes, processor_of, run_again
from streams.settings import Settings
from streams.storage.releases import ReleaseShelf
from streams.world import open_media

MadeBy = Mapping[str, tuple[str, ...]]
Beside = frozenset[tuple[VideoId, str, str]]
"""Video, stage and version of what lies beside."""


MOST_NAMED = 500
"""Of more videos than these the whole past is looked at: each record would be looked up among all of them."""


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    """What tells by which versions a summary was made."""

    final: bool = False
    made_by: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)


@dataclass(frozen=True)
class Past:
    """Who made what stands of each video, as its summary tells, and what lies beside."""

    standing: Mapping[VideoId, MadeBy]
    beside: Beside = frozenset()


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Features of one stage that have to stand for a release: of these videos another version stands now."""

    stage: str
    version: str
    videos: tuple[VideoId, ...]


def manifest_of(settings: Settings, release: ReleasePublished) -> AnyManifest:
    """Read what a release says of itself.

    Raises
    ------
    ReleaseInvalid, StorageUnavailable
        Its files are missing or altered, or cannot be read now.
    """
    shelf = ReleaseShelf(settings.home, open_media(settings))
    return read_manifest(shelf.folder(release.target, release.release_id))


def read_past(settings: Settings, bootstrap: str, *, on_read: Callable[[int], None] = lambda count: None) -> Past:
    """Read who made what.

    Raises
    ------
    BrokerUnavailable, UsageError
        See `read_to_end`.
    """
    standing: dict[VideoId, MadeBy] = {}
    for number, record in enumerate(read_to_end(settings, bootstrap, ["summaries"]), 1):
        video_id, _, scope = (record.key or b"").decode(errors="replace").rpartition("/")
        if scope == WHOLE_VIDEO:
            standing.pop(video_id, None)
            head = head_of(record.value, _Head)
            if head.final:
                standing[video_id] = head.made_by
        on_read(number)
    return Past(standing, frozenset(_beside(settings, bootstrap)))


def steps(taught: TaughtOn, past: Past) -> tuple[Step, ...]:
    """Say which features lie beside that a release was taught on, and of which videos others stand.

    Of a stage the version counts that made most of the examples.
    """
    found = []
    for stage, (version, places) in _wanted(taught).items():
        videos = tuple(
            video_id
            for video_id, made in sorted(past.standing.items())
            if (video_id, stage, version) in past.beside and _is_other(made, version, places)
        )
        found += [Step(stage=stage, version=version, videos=videos)] if videos else []
    return tuple(found)


def strangers(taught: TaughtOn, past: Past, mended: Iterable[Step] = ()) -> dict[str, int]:
    """Count videos that a release would misread, by what it would say of them; those of `mended` follow."""
    follow = {(video_id, step.stage): step.version for step in mended for video_id in step.videos}
    counts: dict[str, int] = {}
    for video_id, made in past.standing.items():
        now = {place: _version_after(follow, video_id, place, versions) for place, versions in made.items()}
        for words in strange(now, taught):
            counts[words] = counts.get(words, 0) + 1
    return counts


def check_others(settings: Settings, bootstrap: str, release: ReleasePublished, wanted: Iterable[Step]) -> list[str]:
    """Warn of releases of other targets that serve and were taught on what stands until now.

    Raises
    ------
    OtherSize
        One of them could not read the new vectors at all.
    """
    changing = {step.stage: step.version for step in wanted}
    sizes = {block.name: block.size for block in manifest_of(settings, release).layout.blocks}
    warnings: list[str] = []
    for other, manifest in _serving(settings, bootstrap, but=release.target) if changing else ():
        for block in manifest.layout.blocks:
            if _stage(block.name) in changing and sizes.get(block.name, block.size) != block.size:
                raise OtherSize(
                    f"{other.record_key} serves and was taught on {block.size} numbers of {block.name}, "
                    f"{release.record_key} on {sizes[block.name]}: only one of them could be read. Retire it "
                    f"(groundswell releases retire {other.record_key}) and promote again, or promote with --no-features"
                )
        warnings += _taught_on_others(other, manifest, changing)
    return warnings


def taught_on_others(settings: Settings, bootstrap: str, stage: str, version: str) -> list[str]:
    """Warn of releases that serve and were taught on another version of a stage than the one that stands now.

    Raises
    ------
    BrokerUnavailable, ReleaseInvalid, StorageUnavailable
        What serves cannot be read now.
    """
    serving = _serving(settings, bootstrap)
    return [words for one, manifest in serving for words in _taught_on_others(one, manifest, {stage: version})]


def let_stand(settings: Settings, bootstrap: str, step: Step, *, on_video: OnVideo) -> Reextracted:
    """Let the features of one step stand; what is done already is not done again.

    Raises
    ------
    BrokerUnavailable, UsageError, StorageUnavailable, WeightsMissing
        See `streams.replay_stage.run_again` and `processor_of`.
    """
    few = Selection(videos=step.videos if len(step.videos) <= MOST_NAMED else ())
    wishes = StageWishes(stage=step.stage, selection=few, promote=True)
    processor: Repeatable = AnsweredBefore(step.stage, step.version)
    if step.stage == faces_again.STAGE:  # the gallery has to see the faces once more
        processor = processor_of(step.stage, settings, promote=True)
        if processor.author.model_version != step.version:
            return _not_today(step, processor.author.model_version)
    done = run_again((settings, bootstrap), wishes, processor, media=open_media(settings), on_video=on_video)
    wanted = set(step.videos)
    return msgspec.structs.replace(done, unfinished=[video_id for video_id in done.unfinished if video_id in wanted])


def _not_today(step: Step, version: str) -> Reextracted:
    said = f"faces are looked at by {version} with the settings of today; start with those that make {step.version}"
    return Reextracted(stage=step.stage, version=step.version, unfinished=list(step.videos), skipped=[said])


def _wanted(taught: TaughtOn) -> dict[str, tuple[str, tuple[str, ...]]]:
    """By stage the version that should stand, and the places where."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for name in repeatable():
        places = tuple(place for place in taught if _stage(place) == name)
        counts: dict[str, int] = {}
        for version, count in (item for place in places for item in taught[place].items()):
            counts[version] = counts.get(version, 0) + count
        if (most := most_taught_on(counts)) is not None:
            found[name] = (most, places)
    return found


def _is_other(made: MadeBy, version: str, places: Iterable[str]) -> bool:
    """Whether something else stands; a summary of before it was told may be of anything."""
    return not made or any(made.get(place, (version,)) != (version,) for place in places)


def _version_after(
    follow: Mapping[tuple[VideoId, str], str], video_id: VideoId, place: str, versions: tuple[str, ...]
) -> tuple[str, ...]:
    version = follow.get((video_id, _stage(place)))
    return (version,) if version else versions


def _stage(place: str) -> str:
    return place.partition("/")[2]


def _taught_on_others(release: ReleasePublished, manifest: AnyManifest, stands: Mapping[str, str]) -> Iterator[str]:
    own = {stage: version for stage, (version, _) in _wanted(manifest.taught_on).items()}
    for stage, version in stands.items():
        if own.get(stage, version) != version:
            yield (
                f"{release.record_key} serves and was taught on {stage} by {own[stage]}, not by {version}: its "
                f"predictions say so until it is trained again (groundswell train {release.target})"
            )


def _serving(settings: Settings, bootstrap: str, *, but: str = "") -> Iterator[tuple[ReleasePublished, AnyManifest]]:
    roster = read_roster(settings, bootstrap)
    for target in roster.targets:
        if target != but and (one := roster.serving(target)):
            yield one, manifest_of(settings, one)


def _beside(settings: Settings, bootstrap: str) -> Iterator[tuple[VideoId, str, str]]:
    there: dict[bytes, bool] = {}
    for record in read_to_end(settings, bootstrap, ["feature-versions"]):
        there[record.key or b""] = record.value is not None
    for key in (key for key, is_there in there.items() if is_there):
        video_id, _scope, stage, version = (key.decode(errors="replace").split("/", 3) + [""] * 4)[:4]
        yield video_id, stage, version
