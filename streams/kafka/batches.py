"""Events of a stream in small batches, without asking again and again whether there are any."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any  # Faust is untyped


async def batches(stream: Any, *, most: int, within_s: float) -> AsyncIterator[list[Any]]:
    """Give the next event together with those that come within a moment, in their order.

    Faust's own `noack_take` looks every `within_s` whether something has come: thirty times a second that was
    half of what an idle worker cost. This waits for the first event, however long.

    Parameters
    ----------
    stream : Faust stream
        Nobody else may read it; its events are left for the caller to acknowledge.
    most : int
        Events in a batch.
    within_s : float
        How long a batch waits for company.
    """
    loop, events = asyncio.get_running_loop(), stream.noack().events()
    coming = asyncio.ensure_future(_next(events))
    try:
        while (event := await asyncio.shield(coming)) is not None:
            batch, until_s = [event], loop.time() + within_s
            coming = asyncio.ensure_future(_next(events))
            while len(batch) < most and await _comes(coming, until_s - loop.time()):
                batch.append(coming.result())
                coming = asyncio.ensure_future(_next(events))
            yield batch
    finally:
        coming.cancel()


async def _comes(coming: "asyncio.Future[Any]", within_s: float) -> bool:
    """Whether there is another event by then; one that comes later is kept for the next batch."""
    done, _ = await asyncio.wait({coming}, timeout=max(0.0, within_s))
    return bool(done) and coming.result() is not None


async def _next(events: AsyncIterator[Any]) -> Any:
    return await anext(events, None)
