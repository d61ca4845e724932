"""How a sandbox's child comes to be: as a fresh process, or forked from one that has imported what it needs."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

Children = Literal["forked", "fresh"]

STATE = struct.Struct("!?i")
"""What a zygote says about a child: whether it has ended, and its exit code (negative: the signal)."""

ZYGOTE_LIMIT_S = 30.0
"""A zygote answers in milliseconds, or after an import; one that is silent for so long is stopped or stuck."""

POLL_S = 0.005

PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""A child sees no other variable: it must not know passwords of brokers and stores."""

# One thread per library: on big machines their stacks and arenas alone would fill the address space.
# A zygote needs it as well: with a second thread it could not fork safely.
FRUGAL = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


class Ends(NamedTuple):
    """File descriptors that a child gets: a file with its call, and pipes for what it prints and for its frames."""

    call: int
    output: int
    wire: int


class Child(Protocol):
    """A running child process."""

    def exit_code(self, within_s: float) -> int | None:
        """How it ended, negative for a signal; None if it is still alive after so long.

        Raises
        ------
        OSError
            Nobody knows: the process that started it is gone, and it with that.
        """

    def end(self) -> None:
        """Kill it with everything it started, and wait until it is gone."""


class Starter(Protocol):
    """Starts children. Not safe to call from several threads at once, `Child.exit_code` excepted."""

    def start(self, module: str, ends: Ends) -> Child:
        """Start a child that serves the call in `ends`, a function of `module`."""

    def close(self) -> None:
        """Kill all children."""


def starter(children: Children) -> Starter:
    """Choose a way to start children; forking without a new program is only safe on Linux."""
    return ForkedChildren() if children == "forked" and sys.platform == "linux" else FreshChildren()


class FreshChildren:
    """Every child is a new process that imports what it needs, 0.1 to 0.25 s of CPU time."""

    def __init__(self) -> None:
        self._running: set[FreshChild] = set()

    def start(self, module: str, ends: Ends) -> Child:  # noqa: ARG002  # the call names it as well
        """Start an interpreter."""
        process = subprocess.Popen(  # noqa: S603  # ourselves, with two numbers
            [*_python("streams.sandbox_child"), str(ends.wire), str(os.getpid())],
            stdin=ends.call,
            stdout=ends.output,
            stderr=ends.output,
            env=_environment(),
            pass_fds=(ends.wire,),
            start_new_session=True,
        )
        child = FreshChild(process, self._running)
        self._running.add(child)
        return child

    def close(self) -> None:
        """Kill all children; who waits for them notices."""
        for child in self._running:
            child.kill()


class FreshChild:
    """A child process of our own."""

    def __init__(self, process: "subprocess.Popen[bytes]", running: "set[FreshChild]") -> None:
        self._process = process
        self._running = running

    def exit_code(self, within_s: float) -> int | None:
        """Wait for its end, but not longer."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(within_s)
        return None

    def kill(self) -> None:
        """Kill its group. It has not been waited for, or is not among the running any more: the number is its own."""
        kill_group(self._process.pid)

    def end(self) -> None:
        """Kill and wait."""
        self.kill()
        self._process.wait()
        self._running.discard(self)


class ForkedChildren:
    """Children are forked from a zygote, a few milliseconds each. It starts with the first, and again when it has died."""

    def __init__(self) -> None:
        self._zygote: Zygote | None = None

    def start(self, module: str, ends: Ends) -> Child:
        """Have a child forked."""
        if self._zygote is not None:
            with suppress(ConnectionError):
                return self._zygote.fork(module, ends)
            self._zygote.close()
        self._zygote = Zygote()
        return self._zygote.fork(module, ends)

    def close(self) -> None:
        """Let the zygote go, which kills its children first."""
        if self._zygote is not None:
            self._zygote.close()


class Zygote:
    """Our end of a process that runs `streams.sandbox_zygote`; it goes when this object or this process does."""

    def __init__(self) -> None:
        self._socket, far_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with far_end:
            self._process = subprocess.Popen(  # noqa: S603  # ourselves, with a number
                [*_python("streams.sandbox_zygote"), str(far_end.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=_environment(),
                pass_fds=(far_end.fileno(),),
                start_new_session=True,
            )
        self._socket.settimeout(ZYGOTE_LIMIT_S)
        self.close = weakref.finalize(self, _let_go, self._socket, self._process)

    def fork(self, module: str, ends: Ends) -> "ForkedChild":
        """Ask for a child; what becomes of it shows on its pipes.

        Raises
        ------
        ConnectionError
            The zygote is dead.
        """
        control, far_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with far_end:
            try:
                socket.send_fds(self._socket, [module.encode()], [*ends, far_end.fileno()])
            except OSError as error:
                control.close()
                raise ConnectionError(f"the zygote takes no calls: {error}") from error
        control.settimeout(ZYGOTE_LIMIT_S)
        return ForkedChild(control, self._process)


class ForkedChild:
    """A child of the zygote, which alone knows its number, kills it and waits for it: no number is used after its time.

    `control` carries questions for its state. That it is closed at our end, also because we are dead, tells the
    zygote to end the child.
    """

    def __init__(self, control: socket.socket, zygote: "subprocess.Popen[bytes]") -> None:
        self._control = control
        self._zygote = zygote

    def exit_code(self, within_s: float) -> int | None:
        """Ask the zygote until the child has ended, but not longer."""
        deadline_s = time.monotonic() + within_s
        while True:
            self._control.send(b"?")
            state = self._control.recv(STATE.size)
            if not state:
                raise ConnectionError("the zygote is dead, and the child with it")
            has_ended, code = STATE.unpack(state)
            if has_ended:
                return int(code)
            if time.monotonic() >= deadline_s:
                return None
            time.sleep(POLL_S)

    def end(self) -> None:
        """Have it killed; the zygote closes its end when that is done."""
        with self._control, suppress(OSError):
            try:
                self._control.shutdown(socket.SHUT_WR)
                while self._control.recv(STATE.size):
                    """An answer that nobody waited for."""
            except TimeoutError:
                # Its children die with it, and the next call starts another.
                self._zygote.kill()


def kill_group(pid: int) -> None:
    """Kill a child that leads its own group, and so what it started as well."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _let_go(connection: socket.socket, zygote: "subprocess.Popen[bytes]") -> None:
    connection.close()
    try:
        zygote.wait(ZYGOTE_LIMIT_S)
    except subprocess.TimeoutExpired:
        zygote.kill()
        zygote.wait()


def _python(module: str) -> list[str]:
    return [sys.executable, "-P", "-X", "utf8", "-m", module]


def _environment() -> dict[str, str]:
    known = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**known, **FRUGAL, "PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path)}
