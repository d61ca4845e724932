"""What a download should bring, and what it must not exceed."""

import msgspec

from schemas.errors import Refused


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one download, in a form that can go into a child process.

    Attributes
    ----------
    backend : str
        ``yt-dlp`` or ``pytube``.
    height_px : int
        No more lines than this are asked for.
    languages : tuple of str
        Wanted subtitles, best first (BCP 47).
    networks : tuple of str
        Private networks that links may reach (CIDR).
    silence_s : float
        A server that sends nothing for so long is unavailable.
    """

    backend: str = "yt-dlp"
    max_bytes: int = 2 * 10**9
    max_duration_s: float = 7200.0
    height_px: int = 720
    languages: tuple[str, ...] = ("en",)
    networks: tuple[str, ...] = ()
    silence_s: float = 20.0

    def check_bytes(self, count: float | None) -> None:
        """Compare a size, announced or arrived, with the limit.

        Raises
        ------
        Refused
            It is larger.
        """
        if count is not None and count > self.max_bytes:
            raise Refused(f"the file has more than {self.max_bytes / 10**6:,.0f} MB, the limit of the settings")

    def check_duration(self, duration_s: float | None) -> None:
        """Compare a length with the limit.

        Raises
        ------
        Refused
            It is longer.
        """
        if duration_s is not None and duration_s > self.max_duration_s:
            raise Refused(
                f"the video is {duration_s:,.0f} s long; the settings allow {self.max_duration_s:,.0f} s at most"
            )
