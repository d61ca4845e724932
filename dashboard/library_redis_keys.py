"""How the library's keys on Redis are called."""

from dataclasses import dataclass

import msgspec

from dashboard.library_core import Core, Entry
from dashboard.library_store import Part, Thing
from dashboard.rows import VideoRow
from streams.kafka.admin import Place

CORES = msgspec.msgpack.Decoder(Core)
ENTRIES = msgspec.msgpack.Decoder(Entry)
ROWS = msgspec.msgpack.Decoder(VideoRow)
PARTS = msgspec.msgpack.Decoder(Part)
THINGS = msgspec.msgpack.Decoder(Thing)
ENCODER = msgspec.msgpack.Encoder(order="deterministic")

NUMBERS = ("changed", "submitted", "uploaded", "duration")
TEXTS = ("title", "channel")


@dataclass(frozen=True)
class Keys:
    """The keys of one library. All begin alike, so that it can be removed whole.

    Attributes
    ----------
    root : str
        What the keys of all libraries begin with.
    """

    root: str
    name: str

    @property
    def prefix(self) -> str:
        """What every key of this library begins with."""
        return f"{self.root}{self.name}:"

    @property
    def meta(self) -> str:
        """Hash of notes."""
        return f"{self.prefix}meta"

    @property
    def offsets(self) -> str:
        """Hash by ``topic/partition``."""
        return f"{self.prefix}offsets"

    @property
    def cores(self) -> str:
        """Hash by video."""
        return f"{self.prefix}cores"

    @property
    def entries(self) -> str:
        """Hash by video: what it is found by, so that it can be taken out again."""
        return f"{self.prefix}entries"

    @property
    def rows(self) -> str:
        """Hash by video, of those that are listed."""
        return f"{self.prefix}rows"

    @property
    def ids(self) -> str:
        """Sorted set of videos, by id."""
        return f"{self.prefix}ids"

    @property
    def words(self) -> str:
        """Sorted set of all words."""
        return f"{self.prefix}words"

    @property
    def said(self) -> str:
        """Hash of each video's words."""
        return f"{self.prefix}said"

    def by(self, sort: str) -> str:
        """Sorted set of videos; of texts, ``text NUL video``."""
        return f"{self.prefix}by:{sort}"

    def of(self, sort: str) -> str:
        """Hash of each video's text that it is sorted by."""
        return f"{self.prefix}of:{sort}"

    def value(self, target: str) -> str:
        """Sorted set of videos by their predicted value."""
        return f"{self.prefix}value:{target}"

    def tag(self, kind: str, value: str) -> str:
        """Sorted set of videos, in the order of ``by("changed")``: a filter alone is a list already."""
        return f"{self.prefix}tag:{kind}:{value}"

    def counts(self, kind: str) -> str:
        """Sorted set of a kind's tags, by how many videos have them, below zero: so the most come first, by name."""
        return f"{self.prefix}counts:{kind}"

    def word(self, word: str) -> str:
        """Set of videos."""
        return f"{self.prefix}word:{word}"

    def parts(self, video_id: str) -> str:
        """Hash of a video's parts by name."""
        return f"{self.prefix}parts:{video_id}"

    def things(self, kind: str) -> str:
        """Hash by key."""
        return f"{self.prefix}things:{kind}"

    def groups(self, kind: str) -> str:
        """Hash of the groups of things that have one."""
        return f"{self.prefix}groups:{kind}"

    def age(self, kind: str, group: str = "") -> str:
        """Sorted set of things, of a kind or of one group of it."""
        return f"{self.prefix}age:{kind}" + (f":{group}" if group else "")

    def written(self, kind: str) -> str:
        """Sorted set of things by when they were written, of those that are forgotten after a time."""
        return f"{self.prefix}written:{kind}"


def as_place(text: str) -> Place:
    """Read ``topic/partition``."""
    topic, _, partition = text.rpartition("/")
    return topic, int(partition)
