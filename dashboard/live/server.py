"""A server that ends its event streams before it waits for open answers to end."""

import socket

import uvicorn

from dashboard.live.hub import Hub


class LiveServer(uvicorn.Server):
    """uvicorn, which waits for answers that are being given, and would wait for streams for ever.

    Set ``timeout_graceful_shutdown`` in the config: a reader that takes nothing cannot be told to leave.
    """

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: streams first."""
        self._hub.stop()
        await super().shutdown(sockets)
