"""Links and uploads that people submit."""

import msgspec

from schemas.event import Ref, VideoEvent


class UploadedSubtitles(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A subtitle file that came with an upload; `language` is a BCP 47 tag or ``und``."""

    ref: Ref
    language: str = "und"


class LinkSubmitted(VideoEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody asks how this video will do. Exactly one of `url` and `upload_ref` is set.

    Attributes
    ----------
    submitted_at_s : float
        Seconds since the epoch, by the submitter's clock.
    targets : tuple of str
        Targets asked for; empty means all that have a release.
    again : bool
        Fetch it even if it is already known.
    """

    submission_id: str
    submitted_at_s: float
    url: str | None = None
    upload_ref: Ref | None = None
    upload_name: str = ""
    subtitles: tuple[UploadedSubtitles, ...] = ()
    title: str = ""
    description: str = ""
    targets: tuple[str, ...] = ()
    submitted_by: str = ""
    again: bool = False
