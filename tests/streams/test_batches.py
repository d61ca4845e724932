"""Events that come together are worked on together; nobody asks in vain."""

import asyncio
from collections.abc import AsyncIterator

from streams.kafka.batches import batches

MOMENT_S = 0.2


class Stream:
    """What `batches` wants of a Faust stream: events as they are sent, None at the end."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[int | None] = asyncio.Queue()
        self.asked = 0
        self.is_left = False

    def noack(self) -> "Stream":
        return self

    async def events(self) -> AsyncIterator[int]:
        try:
            while True:
                self.asked += 1
                event = await self.sent.get()
                if event is None:
                    return
                yield event
        finally:
            self.is_left = True


def sent(*events: int | None) -> Stream:
    stream = Stream()
    for event in events:
        stream.sent.put_nowait(event)
    return stream


async def all_batches(stream: Stream, most: int) -> list[list[int]]:
    return [batch async for batch in batches(stream, most=most, within_s=MOMENT_S)]


def test_what_is_there_comes_together_and_in_order_but_never_more_than_asked():
    async def run():
        return await all_batches(sent(1, 2, 3, 4, 5, None), most=2)

    assert asyncio.run(run()) == [[1, 2], [3, 4], [5]]


def test_a_lone_event_waits_for_company_only_a_moment_and_the_next_opens_a_batch_of_its_own():
    async def run():
        stream = sent(1)
        found = batches(stream, most=8, within_s=0.01)
        first = await anext(found)
        stream.sent.put_nowait(2)
        return first, await anext(found)

    assert asyncio.run(run()) == ([1], [2])


def test_an_event_that_comes_while_a_batch_is_worked_on_is_kept_for_the_next():
    async def run():
        stream = sent(1, 2)
        found = batches(stream, most=2, within_s=MOMENT_S)
        first = await anext(found)
        for event in (3, 4):
            stream.sent.put_nowait(event)
        await asyncio.sleep(0)
        return first, await anext(found)

    assert asyncio.run(run()) == ([1, 2], [3, 4])


def test_nothing_is_asked_while_nothing_comes():
    async def run():
        stream = sent()
        waiting = asyncio.ensure_future(anext(batches(stream, most=8, within_s=0.001)))
        await asyncio.sleep(0.05)
        asked = stream.asked
        waiting.cancel()
        return asked

    assert asyncio.run(run()) == 1


def test_leaving_lets_go_of_the_stream():
    async def run():
        stream = sent(1)
        found = batches(stream, most=1, within_s=MOMENT_S)
        await anext(found)
        await found.aclose()
        await asyncio.sleep(0.01)
        return stream.is_left

    assert asyncio.run(run())
