"""Runs functions on hostile input in child processes with limits on memory and time."""

import os
import selectors
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TypeVar

import msgspec

from schemas import errors
from schemas.errors import GroundswellError, MediaUnreadable
from streams.sandbox_child import LENGTH, Raised, Reported, Request, Returned, annotations, pack, unpack
from streams.sandbox_start import Child, Children, Ends, starter

T = TypeVar("T")

LARGEST_FRAME_BYTES = 64 * 2**20
"""A child that announces more is lying; big data goes by files."""

LAST_WORDS_BYTES = 2000
"""How much of a dead child's output is kept for the message."""


class TimedOut(msgspec.Struct, frozen=True):
    """The child did not answer in time."""


class Died(msgspec.Struct, frozen=True):
    """The child ended without an answer: how, and what it printed last."""

    how: str
    last_words: str


class Lost(msgspec.Struct, frozen=True):
    """The child went because of what happened to the process that had forked it."""


Answer = Returned | Raised | TimedOut | Died | Lost


class SandboxClosed(GroundswellError):
    """The worker is shutting down and took its running children along."""

    retryable = True


class SandboxLost(GroundswellError):
    """A child was lost without a fault of its own: the process that forks children was killed, or could not fork."""

    retryable = True


class ChildSandbox:
    """Runs each call in a child process of its own, killed with everything it started when it is over.

    Safe to call from several threads at once.

    Parameters
    ----------
    memory_bytes : int or None
        Address space a child may use.
    timeout_s : float
        Longest run, start included.
    file_bytes : int or None
        Largest file a child may write.
    died : type of GroundswellError
        Raised when a child crashes, or its function raises something that is not ours.
    over_limit : type of GroundswellError
        Raised when a child breaks its time or memory limit.
    children : {"forked", "fresh"}
        Whether children are forked from a process that has imported what they need, which has seen no input; only
        on Linux. Else each is a new process.
    """

    def __init__(
        self,
        *,
        memory_bytes: int | None,
        timeout_s: float,
        file_bytes: int | None = None,
        died: type[GroundswellError] = MediaUnreadable,
        over_limit: type[GroundswellError] = MediaUnreadable,
        children: Children = "forked",
    ) -> None:
        self._memory_bytes = memory_bytes
        self._timeout_s = timeout_s
        self._file_bytes = file_bytes
        self._died = died
        self._over_limit = over_limit
        self._lock = threading.Lock()
        self._starter = starter(children)
        self._closed = False

    def run(self, function: Callable[..., T], *args: object, report: Callable[..., None] | None = None) -> T:
        """Call ``function(*args)`` in a child; with `report`, ``function(*args, report=...)``.

        Parameters
        ----------
        function : callable
            A function at the top of a module, with every parameter and the result annotated by
            msgspec types or paths.
        report : callable, optional
            Gets the numbers and texts that the child reports, while it runs.

        Raises
        ------
        GroundswellError
            What the function raised, if it is in `schemas.errors`; else the sandbox's `died` or `over_limit`.
        SandboxClosed
            `cancel_all` came first.
        SandboxLost
            The child was killed for what another one did; it can be tried again.
        """
        types, expected = annotations(function)
        if len(types) < len(args):
            raise TypeError(f"{function.__qualname__} takes {len(types)} arguments for the sandbox, got {len(args)}")
        with self._child(function, args, reports=report is not None) as child:
            answer = child.answer(self._timeout_s, report or _nobody_listens)
        result: T = self._result(function, answer, expected)
        return result

    def cancel_all(self) -> None:
        """Kill all running children, whose calls then raise `SandboxClosed`, and start no more."""
        with self._lock:
            self._closed = True
            self._starter.close()

    @contextmanager
    def _child(self, function: Callable[..., object], args: tuple[object, ...], *, reports: bool) -> Iterator["_Child"]:
        request = Request(
            module=function.__module__,
            name=function.__qualname__,
            args=tuple(msgspec.Raw(pack(arg)) for arg in args),
            reports=reports,
            memory_bytes=self._memory_bytes,
            file_bytes=self._file_bytes,
        )
        with _pipe() as (wire, far_wire), _pipe() as (output, far_output):
            process = self._start(request, far_output, far_wire)
            far_wire.close()
            far_output.close()
            try:
                yield _Child(process, wire, output)
            finally:
                with self._lock:
                    process.end()

    def _start(self, request: Request, output: IO[bytes], wire: IO[bytes]) -> Child:
        with tempfile.TemporaryFile() as call, self._lock:
            if self._closed:
                raise SandboxClosed("the worker is shutting down; the event will be tried again")
            call.write(pack(request))
            call.seek(0)
            return self._starter.start(request.module, Ends(call.fileno(), output.fileno(), wire.fileno()))

    def _result(self, function: Callable[..., T], answer: Answer, expected: type[T]) -> T:
        if isinstance(answer, Returned):
            return self._read(function, answer.value, expected)
        if isinstance(answer, Raised):
            raise self._error(function, answer)
        if self._closed:
            raise SandboxClosed("the worker is shutting down; the event will be tried again")
        if isinstance(answer, Lost):
            raise SandboxLost(f"{_words(function)} lost its process, which was not its doing; it will be tried again")
        if isinstance(answer, TimedOut):
            raise self._over_limit(f"{_words(function)} took longer than {self._timeout_s:g} s")
        last_words = f": {answer.last_words}" if answer.last_words else ""
        raise self._died(f"{_words(function)} ended its process ({answer.how}){last_words}")

    def _read(self, function: Callable[..., T], value: msgspec.Raw, expected: type[T]) -> T:
        try:
            result: T = unpack(value, expected)
        except (msgspec.DecodeError, TypeError) as error:
            raise self._died(f"{_words(function)} answered something else than announced: {error}") from error
        return result

    def _error(self, function: Callable[..., object], raised: Raised) -> GroundswellError:
        known = getattr(errors, raised.error, None)
        if isinstance(known, type) and issubclass(known, GroundswellError):
            return _noted(known(raised.message), raised.traceback)
        if raised.error == "MemoryError":
            megabytes = (self._memory_bytes or 0) // 10**6
            return self._over_limit(f"{_words(function)} needs more than the {megabytes} MB of memory it may use")
        return _noted(self._died(f"{_words(function)}: {raised.error}: {raised.message}"), raised.traceback)


class _Child:
    """A running child process: frames on one pipe, whatever its libraries print on the other."""

    def __init__(self, process: Child, wire: IO[bytes], output: IO[bytes]) -> None:
        self._process = process
        self._wire = wire
        self._output = output
        self._received = bytearray()
        self._printed = b""

    def answer(self, timeout_s: float, report: Callable[..., None]) -> Answer:
        deadline_s = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._wire, selectors.EVENT_READ)
            selector.register(self._output, selectors.EVENT_READ)
            while (left_s := deadline_s - time.monotonic()) > 0:
                for key, _ in selector.select(left_s):
                    chunk = os.read(key.fd, 65536)
                    if key.fileobj is self._output:
                        self._printed = (self._printed + chunk)[-LAST_WORDS_BYTES:]
                        if not chunk:
                            selector.unregister(self._output)
                    elif answer := self._take(chunk, report):
                        return answer
        return TimedOut()

    def _take(self, chunk: bytes, report: Callable[..., None]) -> Answer | None:
        if not chunk:
            return self._death()
        self._received += chunk
        while (frame := self._next_frame()) is not None:
            try:
                message = msgspec.msgpack.decode(frame, type=Returned | Raised | Reported)
            except msgspec.DecodeError as error:
                return Died(f"it spoke nonsense: {error}", "")
            if not isinstance(message, Reported):
                return message
            report(*message.values)
        return None

    def _next_frame(self) -> bytes | None:
        if len(self._received) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack_from(self._received)
        # A frame that is too long is cut to nothing, which does not decode.
        end = LENGTH.size + (length if length <= LARGEST_FRAME_BYTES else 0)
        if len(self._received) < end:
            return None
        frame = bytes(self._received[LENGTH.size : end])
        del self._received[:end]
        return frame

    def _death(self) -> Died | Lost:
        os.set_blocking(self._output.fileno(), False)
        printed = self._printed + (self._output.read() or b"")
        try:
            code = self._process.exit_code(within_s=1.0)
        except OSError:
            return Lost()
        if code is None:
            return Died("it fell silent", "")
        how = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        return Died(how, printed[-LAST_WORDS_BYTES:].decode(errors="replace").strip())


@contextmanager
def _pipe() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    read_fd, write_fd = os.pipe()
    with os.fdopen(read_fd, "rb", buffering=0) as reading, os.fdopen(write_fd, "wb", buffering=0) as writing:
        yield reading, writing


def _words(function: Callable[..., object]) -> str:
    return function.__name__.strip("_").replace("_", " ")


def _noted(error: GroundswellError, traceback: str) -> GroundswellError:
    if traceback:
        error.add_note(f"in the sandbox:\n{traceback}")
    return error


def _nobody_listens(*values: object) -> None:
    """Take a report that nobody asked for."""
