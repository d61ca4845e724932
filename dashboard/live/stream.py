"""An answer that does not end: server-sent events, as fast as the reader takes them and no faster."""

import asyncio
from collections.abc import Callable

from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from dashboard.live.frames import MOST_BATCH_BYTES, Forgotten, Frame, Wish, written
from dashboard.live.hub import Hub, Listener

RETRY = b"retry: 1000\n\n"
BEAT = b": still here\nevent: beat\ndata: {}\n\n"
"""A comment for who reads by eye, an event for pages: they cannot see comments, and miss a connection that died."""


def _always() -> bool:
    return True


class EventStream(Response):
    """Sends what a reader wishes to hear, from where it was last, until it leaves.

    Parameters
    ----------
    caller : str
        Who reads; counts against `Limits.streams_per_caller`.
    last_event_id : str
        The last id that the reader has; what came after it is sent, or a snapshot where that is not here any more.
    still : callable
        Tells whether the caller may still read; asked in a thread at each sign of life.
    """

    media_type = "text/event-stream"

    def __init__(
        self, hub: Hub, *, caller: str, wish: Wish, last_event_id: str = "", still: Callable[[], bool] = _always
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._hub, self._caller, self._wish = hub, caller, wish
        self._last_event_id, self._still = last_event_id, still

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        with self._hub.listening(self._caller) as listener:
            leaving = asyncio.create_task(_notice_leaving(receive, listener))
            try:
                async with asyncio.timeout(None) as listener.leash:
                    await _Reader(self._hub, listener, send).serve(self._wish, self._last_event_id, self._still)
            except TimeoutError:
                return  # it left, or took nothing for too long: there is nobody to say more to
            finally:
                listener.leash = None
                leaving.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _notice_leaving(receive: Receive, listener: Listener) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    listener.let_go()


class _Reader:
    def __init__(self, hub: Hub, listener: Listener, send: Send) -> None:
        self._hub, self._listener, self._send = hub, listener, send
        self._loop = asyncio.get_running_loop()

    async def serve(self, wish: Wish, last_event_id: str, still: Callable[[], bool]) -> None:
        await self._give(RETRY)
        place, beats = self._hub.ring.place(last_event_id), -1  # the first beat says: that is all for now
        if place is None:
            place = await self._catch_up(wish)
        while not self._hub.stopped:
            turn = self._hub.turn
            place = await self._tell(place, wish)
            if beats != self._hub.beats:
                beats = self._hub.beats
                if not await asyncio.to_thread(still):
                    return
                await self._give(BEAT)
            await turn.wait()

    async def _tell(self, place: int, wish: Wish) -> int:
        try:
            while piece := self._hub.ring.following(place, wish):
                await self._give(piece[0])
                place = piece[1]
        except Forgotten:
            return await self._catch_up(wish)
        return place

    async def _catch_up(self, wish: Wish) -> int:
        data, place = await self._hub.snapshots.read(wish)
        whole = written(Frame("snapshot", ("", ""), data), f"{self._hub.ring.epoch}-{place}")
        for start in range(0, len(whole), MOST_BATCH_BYTES):
            await self._give(whole[start : start + MOST_BATCH_BYTES])
        return place

    async def _give(self, piece: bytes) -> None:
        if piece:
            self._listener.sending_since_s = self._loop.time()
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            self._listener.sending_since_s = None
