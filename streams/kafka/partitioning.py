"""Which partition a record lies in. Nothing else in the project computes partitions."""

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_ROTATION_BITS = 24
_UINT32 = 0xFFFFFFFF
_INT31 = 0x7FFFFFFF


def murmur2(data: bytes) -> int:
    """Hash bytes as Kafka's Java clients do: a signed 32-bit integer.

    >>> murmur2(b"foobar")
    -790332482

    Source: MurmurHash2 by Austin Appleby, as in org.apache.kafka.common.utils.Utils.murmur2.
    """
    whole = len(data) & ~3
    hashed = _SEED ^ len(data)
    for start in range(0, whole, 4):
        hashed = (hashed * _MULTIPLIER & _UINT32) ^ _mixed(int.from_bytes(data[start : start + 4], "little"))
    if len(data) > whole:
        hashed = (hashed ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER & _UINT32
    hashed = (hashed ^ hashed >> 13) * _MULTIPLIER & _UINT32
    return _signed(hashed ^ hashed >> 15)


def partition_of(partition_key: str, count: int) -> int:
    """Name the partition, of `count`, of everything that shares `partition_key`.

    The same as Java's and aiokafka's default partitioner for that key in UTF-8; librdkafka's own
    default is another one, so producers are always told the partition.

    Raises
    ------
    ValueError
        `count` is not positive.

    >>> partition_of("youtube:dQw4w9WgXcQ", 8)
    4
    """
    if count < 1:
        raise ValueError(f"a topic has at least one partition; got {count}")
    return (murmur2(partition_key.encode()) & _INT31) % count


def _mixed(word: int) -> int:
    word = word * _MULTIPLIER & _UINT32
    return (word ^ word >> _ROTATION_BITS) * _MULTIPLIER & _UINT32


def _signed(word: int) -> int:
    return word - (1 << 32) if word >> 31 else word
