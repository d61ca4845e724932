"""One modality's answer, checked and made ready for adding up."""

from models.pooling import number_to_fixed, pool_one
from models.vectors import from_vector
from schemas.assembly import Answer
from schemas.errors import Unreadable
from schemas.features import FAILED, FeatureExtracted

REASON_CHARACTERS = 200
"""Reasons are counted by their words; longer ones are an exception's text and would never meet again."""


def answer_of(event: FeatureExtracted) -> Answer:
    """Check a feature and put its vector into fixed point.

    Raises
    ------
    Unreadable
        Both a vector and a reason for its absence, or neither; bytes that are no vector.
    PoolingOverflow
        A vector or a number outside the range in which sums are exact.
    """
    if (event.vector is None) == (event.absent_reason is None):
        raise Unreadable(f"feature {event.record_key}: expected either a vector or an absent_reason")
    if event.vector is None:
        return _absence(event, (event.absent_reason or "")[:REASON_CHARACTERS])
    pooled = pool_one(from_vector(event.vector))
    words = event.transcript.text if event.transcript else ""
    return Answer(
        pooled=pooled,
        labels=event.labels,
        numbers=_checked(event.numbers),
        words=words,
        model_version=event.model_version,
    )


def is_failure(answer: Answer) -> bool:
    """Whether a model broke, so that a later answer is better."""
    return answer.absent_reason is not None and answer.absent_reason.startswith(FAILED)


def is_better(new: Answer, old: Answer | None) -> bool:
    """Whether `new` should stand instead of `old`: something new, and not a failure after a real answer."""
    if old is None:
        return True
    return new != old and (is_failure(old) or not is_failure(new))


def _absence(event: FeatureExtracted, reason: str) -> Answer:
    if reason.startswith(FAILED):
        return Answer(absent_reason=reason)
    return Answer(labels=event.labels, numbers=_checked(event.numbers), absent_reason=reason)


def _checked(numbers: dict[str, float]) -> dict[str, float]:
    for value in numbers.values():
        number_to_fixed(value)
    return numbers
