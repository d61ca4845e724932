"""What processors need from the world. `streams/` hands it in; in tests it is a dict or a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, TypeVar

import msgspec

from models.inference import Device, Inference, Precision
from schemas.event import Event
from schemas.media import Metadata, SubtitleTrack

T = TypeVar("T")

VisualModel: TypeAlias = Literal["lite0", "resnet50", "dinov2-small", "mvit-v2-s"]
FaceDetectorModel: TypeAlias = Literal["centerface", "yunet"]
FaceEncoderModel: TypeAlias = Literal["dlib", "sface"]
"""What settings choose from; all but the first of each are in pack ``full``."""


class MediaStore(Protocol):
    """Files by reference: pixels and sound never travel in events."""

    def put(self, ref: str, data: bytes) -> None:
        """Write all of `data` under `ref`, or nothing.

        Raises
        ------
        StorageUnavailable
            The disk is full or the store is away.
        """
        ...

    def put_file(self, ref: str, path: Path) -> None:
        """Copy a finished local file under `ref`, all or nothing; the original stays where it is."""
        ...

    def take_file(self, ref: str, path: Path) -> None:
        """Move a finished local file under `ref`, all or nothing; the original is gone afterwards."""
        ...

    def claim(self, ref: str, data: bytes) -> bytes:
        """Write `data` unless `ref` exists; return what `ref` holds afterwards, whoever wrote it."""
        ...

    def get(self, ref: str) -> bytes:
        """Read all of `ref`.

        Raises
        ------
        StorageUnavailable
            It is not there, or the store is away.
        """
        ...

    def exists(self, ref: str) -> bool:
        """Whether `ref` is there, whole."""
        ...

    def local(self, ref: str) -> Path:
        """Give a local path with the bytes of `ref`, downloading them when the store is remote."""
        ...


class Downloaded(msgspec.Struct, frozen=True, kw_only=True):
    """What a downloader brought into `folder`; paths are local files.

    `subtitles` are tracks without `ref`, each with its file.
    """

    path: Path
    url: str
    metadata: Metadata
    subtitles: tuple[tuple[SubtitleTrack, Path], ...] = ()
    thumbnail: Path | None = None
    warnings: tuple[str, ...] = ()


class Downloader(Protocol):
    """Brings a stranger's link to a local folder, within limits."""

    def fetch(self, url: str, folder: Path, report: Callable[[float, float | None], None]) -> Downloaded:
        """Download `url` into `folder`, calling `report(done_bytes, total_bytes)` on the way.

        Raises
        ------
        Refused
            A private address, a forbidden scheme, a live stream, over a limit.
        FetchFailed
            The source does not have it or does not give it.
        SourceUnavailable
            It may work later.
        """
        ...


class Sandbox(Protocol):
    """Runs a function on hostile input in a child process with a time and a memory limit."""

    def run(self, function: Callable[..., T], *args: object, report: Callable[..., None] | None = None) -> T:
        """Call ``function(*args)`` in the child; with `report`, ``function(*args, report=...)``.

        The function stands at the top of a module; its parameters and its result are annotated by
        msgspec types or paths (big data goes by files). `report` carries numbers and short texts.

        Raises
        ------
        MediaUnreadable
            The child died, or broke its time or memory limit.
        GroundswellError
            What the function raised.
        """
        ...


class Reporter(Protocol):
    """Sends progress at once, past the batch: informational, may be lost."""

    def __call__(self, event: Event) -> None: ...


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that change what processors answer.

    Attributes
    ----------
    subtitle_languages : tuple of str
        Wanted languages, best first (BCP 47).
    frame_rate_hz : float
        Sampled frames a second.
    deadline_s : float
        How long a summary waits for a silent stage.
    modalities : tuple of str
        Which features make a segment complete.
    inference_threads : int
        Threads a network may use.
    precision, device
        In what numbers networks compute and where; `inference` has all three together.
    visual_model : str
        The network that looks at frames.
    face_detector, face_encoder : str
        The networks that find faces and turn them into vectors.
    speech : "off" or "auto"
        Whether to recognise speech where nobody wrote subtitles; "auto" does where it is installed.
    face_size_px, face_min_px : int
        Long side of what the face detector sees; shorter side of the smallest face to know again.
    face_min_quality : float
        How well a face must be seen to be known again, in [0, 1].
    fetch_at_once : int
        Downloads at the same time.
    max_bytes, max_duration_s
        What is larger or longer is refused.
    face_threshold_l2, face_margin_l2 : float
        How near two faces of one person are, and how much farther the second nearest person must be.
    gallery_flat_limit, gallery_cells_searched : int
        From how many identities on only the nearest cells are searched, and how many cells.
    """

    subtitle_languages: tuple[str, ...] = ("en",)
    frame_rate_hz: float = 1.0
    deadline_s: float = 600.0
    modalities: tuple[str, ...] = ("text",)
    inference_threads: int = 1
    precision: Precision = "f32"
    device: Device = "cpu"
    visual_model: VisualModel = "lite0"
    face_detector: FaceDetectorModel = "centerface"
    face_encoder: FaceEncoderModel = "dlib"
    speech: Literal["off", "auto"] = "auto"
    face_size_px: int = 448
    face_min_px: int = 20
    face_min_quality: float = 0.3
    fetch_at_once: int = 4
    max_bytes: int = 2 * 10**9
    max_duration_s: float = 7200.0
    face_threshold_l2: float = 0.55
    face_margin_l2: float = 0.03
    gallery_flat_limit: int = 50_000
    gallery_cells_searched: int = 48

    @property
    def inference(self) -> Inference:
        """How networks are run."""
        return Inference(self.inference_threads, self.precision, self.device)

    def chosen(self, network: str) -> str:
        """Name the network that is used in place of a default one; itself where nothing can be chosen.

        >>> Options(visual_model="resnet50").chosen("lite0"), Options().chosen("minilm")
        ('resnet50', 'minilm')
        """
        encoder = network if self.face_encoder == "dlib" else self.face_encoder
        choices = {"lite0": self.visual_model, "centerface": self.face_detector, "dlib-face": encoder}
        return choices.get(network, network)


class World(Protocol):
    """Everything a processor can be built from; each takes only what it needs."""

    @property
    def media(self) -> MediaStore: ...

    @property
    def downloader(self) -> Downloader: ...

    @property
    def sandbox(self) -> Sandbox: ...

    @property
    def scratch(self) -> Path:
        """A local folder for partial downloads; kept across restarts."""
        ...

    @property
    def report(self) -> Reporter: ...

    @property
    def options(self) -> Options: ...

    def weights(self, name: str) -> Path:
        """The folder of a network's converted, verified files.

        Raises
        ------
        WeightsMissing
            They were not fetched; the message says how.
        """
        ...

    def release(self, target: str, release_id: str) -> Path:
        """The folder of a published release.

        Raises
        ------
        ReleaseInvalid
            It is not on the shelf.
        """
        ...
