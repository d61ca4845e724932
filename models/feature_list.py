"""Every feature that the pipeline makes, by name, and what a marketer would call it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from models.early_series import PLACE, is_process
from models.metadata_features import metadata_numbers
from schemas.media import Metadata


@dataclass(frozen=True)
class Topic:
    """What a group of columns is called when it is a reason."""

    feature: str
    words: str


VECTOR_SIZES: Mapping[str, int] = {
    "segments/audio": 1024,
    "segments/text": 384,
    "segments/visual": 1280,
    "video/text": 384,
}
"""Pooled vectors by block name. Who somebody is is no vector here: faces come in as numbers only."""

_LENGTH = Topic("length", "the length")
_SPEECH = Topic("speech", "how much is said, and how fast")
_FACES = Topic("faces", "the faces in it: how many, how large, how soon")
_LOOK = Topic("look", "how the pictures look: light, contrast, colour, sharpness")
_PACE = Topic("pace", "how much moves, and how often it cuts")
_LOUDNESS = Topic("loudness", "how loud it is, and how evenly")
_SOUND_KINDS = Topic("sound_kinds", "how much of the sound is speech, music or silence")
_PEOPLE = Topic("people", "how many people are known again, and how long they are seen")
_CHANNEL = Topic("channel_before", "how earlier videos of the channel did")
_PEOPLE_BEFORE = Topic("people_before", "how earlier videos with the same people did")
_PICTURES = Topic("pictures", "what can be seen")
_SOUND = Topic("sound", "what can be heard")
_EARLY = Topic("early_counts", "how it did in its first days")
_SERIES = Topic("early_series", "what its views day by day foretell (Hawkes process)")

NUMBERS: Mapping[str, Topic] = {
    "numbers/segments": _LENGTH,
    "numbers/words": _SPEECH,
    "numbers/words_per_minute": _SPEECH,
    "numbers/text/words_per_minute": _SPEECH,
    "numbers/visual/brightness_share": _LOOK,
    "numbers/visual/contrast_share": _LOOK,
    "numbers/visual/saturation_share": _LOOK,
    "numbers/visual/colourfulness_levels": _LOOK,
    "numbers/visual/sharpness_levels": _LOOK,
    "numbers/visual/motion_levels": _PACE,
    "numbers/visual/cuts_per_minute": _PACE,
    "numbers/audio/loudness_lufs": _LOUDNESS,
    "numbers/audio/loudness_range_lu": _LOUDNESS,
    "numbers/audio/peak_dbfs": _LOUDNESS,
    "numbers/audio/speech_share": _SOUND_KINDS,
    "numbers/audio/music_share": _SOUND_KINDS,
    "numbers/audio/silence_share": _SOUND_KINDS,
    "numbers/faces/faces_max": _FACES,
    "numbers/faces/face_share": _FACES,
    "numbers/faces/face_area_share": _FACES,
    "numbers/faces/first_face_after_s": _FACES,
    "numbers/faces/several_faces_share": _FACES,
    "numbers/faces/close_up_share": _FACES,
    "numbers/faces/facing_share": _FACES,
    "numbers/faces/largest_face_share": _FACES,
    "numbers/faces/face_tracks": _FACES,
    "numbers/video/identity/people": _PEOPLE,
    "numbers/video/identity/main_share": _PEOPLE,
    "numbers/video/identity/any_share": _PEOPLE,
    "numbers/video/influence/channel_videos": _CHANNEL,
    "numbers/video/influence/channel_views_log": _CHANNEL,
    "numbers/video/influence/channel_engagement": _CHANNEL,
    "numbers/video/influence/people_videos": _PEOPLE_BEFORE,
    "numbers/video/influence/people_views_log": _PEOPLE_BEFORE,
    "numbers/video/influence/people_engagement": _PEOPLE_BEFORE,
}
"""Named numbers of a summary that mean the same for every source, so that a release may read them."""

SAID_ELSEWHERE: Mapping[str, str] = {
    "numbers/duration_s": "metadata/log_duration",
    "numbers/faces/first_face_s": "numbers/faces/first_face_after_s",
    "numbers/text/words": "numbers/words",
    "numbers/video/text/words": "metadata/title_words",
}
"""Named numbers that no release needs, and the feature that says the same, or says it better."""

_STARTS: tuple[tuple[str, Topic], ...] = (
    ("video/text", Topic("title_and_description", "the words of the title, tags and description")),
    ("segments/text", Topic("spoken_words", "the words spoken")),
    ("segments/visual", _PICTURES),
    ("segments/audio", _SOUND),
    ("segments/faces", _FACES),
    ("metadata/title", Topic("title_form", "the form of the title: length, capitals, digits, punctuation")),
    ("metadata/description", Topic("description_form", "the form of the description")),
    ("metadata/tags", Topic("tags", "how many tags and hashtags")),
    ("metadata/hashtags", Topic("tags", "how many tags and hashtags")),
    ("metadata/hour", Topic("time", "day and hour of publication")),
    ("metadata/week", Topic("time", "day and hour of publication")),
    ("metadata/log_duration", _LENGTH),
    ("category/", Topic("category", "the category")),
    ("numbers/duration_s", _LENGTH),
    ("numbers/visual/", _PICTURES),
    ("numbers/audio/", _SOUND),
    ("numbers/faces/", _FACES),
    ("numbers/video/text/", Topic("description_form", "the form of the description")),
    ("numbers/video/identity/", _PEOPLE),
    ("numbers/video/influence/channel_", _CHANNEL),
    ("numbers/video/influence/", _PEOPLE_BEFORE),
    ("numbers/", _SPEECH),
)
"""For vectors, metadata and whatever a later stage adds to a known modality; the first that fits counts."""

_SAYS_EVERYTHING = Metadata(title="a", description="a", tags=("a",), hashtags=("a",), uploaded_at_s=1.0)


def topic_named(name: str) -> Topic | None:
    """Find what a feature is about; None when this version does not know it.

    >>> topic_named("numbers/visual/cuts_per_minute").feature
    'pace'
    """
    if name.startswith(f"{PLACE}/"):
        return _SERIES if is_process(name) else _EARLY
    return NUMBERS.get(name) or next((topic for start, topic in _STARTS if name.startswith(start)), None)


def metadata_names() -> Iterator[str]:
    """Every block that a source's own words can fill, the categories left out: those are the table's."""
    return (f"metadata/{name}" for name in metadata_numbers(_SAYS_EVERYTHING, 1.0))
