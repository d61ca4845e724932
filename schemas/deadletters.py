"""Events a stage could not process, with everything needed to try again."""

from schemas.event import Event


class EventRejected(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The original record, untouched, and why a stage gave it up.

    Attributes
    ----------
    key, value : bytes or None
        As they lay on the topic (base64 on the wire).
    attempts : int
        How often it was tried.
    rejected_at_s : float
        Seconds since the epoch, UTC.
    """

    stage: str
    source_topic: str
    source_partition: int
    source_offset: int
    error: str
    traceback: str
    attempts: int
    rejected_at_s: float
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def record_key(self) -> str:
        return f"{self.stage}/{self.source_topic}/{self.source_partition}/{self.source_offset}"


class EventRedriven(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The dead letter `rejected_id` was put back on its topic."""

    rejected_id: str
    rejected_key: str
    redriven_at_s: float

    @property
    def record_key(self) -> str:
        return f"{self.rejected_key}/redriven"

    @property
    def partition_key(self) -> str:
        return self.rejected_key
