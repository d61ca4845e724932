"""Sets of small indexes as bit masks in bytes: which segments have been counted."""

from functools import lru_cache


def contains(mask: bytes, index: int) -> bool:
    """Whether `index` is in the set.

    >>> contains(insert(b"", 9), 9), contains(b"", 9)
    (True, False)
    """
    place, bit = divmod(index, 8)
    return place < len(mask) and bool(mask[place] >> bit & 1)


@lru_cache(maxsize=64)  # one segment is inserted into several equal sets, one after the other
def insert(mask: bytes, index: int) -> bytes:
    """Give the set with `index` in it."""
    place, bit = divmod(index, 8)
    padded = bytearray(mask.ljust(place + 1, b"\0"))
    padded[place] |= 1 << bit
    return bytes(padded)


def remove(mask: bytes, index: int) -> bytes:
    """Give the set without `index`."""
    if not contains(mask, index):
        return mask
    place, bit = divmod(index, 8)
    shorter = bytearray(mask)
    shorter[place] &= ~(1 << bit)
    return bytes(shorter)


def size(mask: bytes) -> int:
    """How many indexes are in the set."""
    return int.from_bytes(mask, "little").bit_count()


def size_below(mask: bytes, limit: int) -> int:
    """How many indexes smaller than `limit` are in the set.

    >>> size_below(insert(insert(b"", 2), 9), 9)
    1
    """
    return (int.from_bytes(mask, "little") & ((1 << limit) - 1)).bit_count()
