"""The threads of a worker: one in which its processor runs, and the main one with the event loop."""

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar  # Any: what a coroutine yields and is sent

P = ParamSpec("P")
T = TypeVar("T")

_Job = Callable[[], None]


class StepThread:
    """Runs calls one after another, away from the event loop.

    Unlike a `ThreadPoolExecutor`'s its thread is a daemon: a step that does not end cannot keep
    the process from ending.

    Parameters
    ----------
    name : str
        What debuggers call the thread.
    """

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Line a call up; the future has its result or what it raised."""
        future: Future[T] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(work(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)

        self._jobs.put(job)
        return future

    async def call(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Line a call up and wait for it without blocking the event loop.

        Raises
        ------
        BaseException
            Whatever the call raises.
        """
        return await asyncio.wrap_future(self.submit(work, *args, **kwargs))

    def _work(self) -> None:
        while True:
            self._jobs.get()()


def run_to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on an event loop of its own and drop the loop as it is.

    `asyncio.run` would wait for what is left; Faust's supervisors take cancellation for a crash and start
    their tasks again, and its threads wait for Kafka. The process is to end next, by ``os._exit`` or ``os.execv``.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop.run_until_complete(work)
