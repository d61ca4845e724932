"""The one tree of errors. Only the runner turns an exception into a dead letter."""


class GroundswellError(Exception):
    """Something went wrong in a way we understand; the message says what to do.

    Attributes
    ----------
    retryable : bool
        Whether the same input may succeed a little later (network, full disk, busy server).
    """

    retryable = False


class Unreadable(GroundswellError):
    """An event's bytes are not what its topic promises: not JSON, an unknown type, a wrong shape."""


class Refused(GroundswellError):
    """Policy forbids the work (private address, too large, too long); trying again changes nothing."""


class FetchFailed(GroundswellError):
    """The source does not give the video: gone, private, not a video."""


class SourceUnavailable(FetchFailed):
    """The source does not answer now: a timeout, a 429 or 5xx, a broken connection."""

    retryable = True


class MediaUnreadable(GroundswellError):
    """The file holds nothing that can be decoded, or decoding it broke its limits."""


class PoolingOverflow(GroundswellError):
    """A vector is outside the range in which sums are exact."""


class WeightsMissing(GroundswellError):
    """A network's file is absent, or its hash is not the pinned one."""


class ReleaseInvalid(GroundswellError):
    """A release's files are absent, altered, or of a type this version does not know."""


class LibraryMissing(GroundswellError):
    """A library of the system, which no package brings, is not there."""


class TrainingImpossible(GroundswellError):
    """The table cannot teach this target: columns or rows are missing."""


class StorageUnavailable(GroundswellError):
    """The media store cannot be read or written now: disk full, object store away."""

    retryable = True


class BrokerUnavailable(GroundswellError):
    """No Kafka answers at the configured address."""

    retryable = True


class SettingsInvalid(GroundswellError):
    """A setting has a value that cannot work."""


class UsageError(GroundswellError):
    """A command was asked for something that does not exist or cannot be done."""
