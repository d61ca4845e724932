"""Time, as an event: folds never look at a clock."""

from schemas.event import Event


class TimePassed(Event, frozen=True, kw_only=True, omit_defaults=True):
    """It is `at_s` (seconds since the epoch, UTC) for one partition of one stage."""

    stage: str
    partition: int
    at_s: float

    @property
    def record_key(self) -> str:
        return f"{self.stage}/{self.partition}"
