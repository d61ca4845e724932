"""How much CPU time work takes in this process."""

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import TypeAlias

Work: TypeAlias = Callable[[], object]

ROUNDS = 5


def cpu_s(work: Work) -> float:
    """CPU seconds of this process, all threads."""
    started_s = time.process_time()
    work()
    return time.process_time() - started_s


def in_turns(ways: Mapping[str, Work]) -> dict[str, float]:
    """Median CPU seconds of each way, after one round to warm up. They take turns: a busy machine slows all alike."""
    for work in ways.values():
        work()
    rounds = [{way: cpu_s(work) for way, work in ways.items()} for _ in range(ROUNDS)]
    return {way: median(spent[way] for spent in rounds) for way in ways}
