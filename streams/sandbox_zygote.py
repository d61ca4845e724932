"""A process that imports what sandboxed functions need, and forks a child for every call.

It never reads what a child reads or writes: the call, the frames and what is printed go past it. It has one thread,
so that a fork copies no lock in the hands of another. It ends when the worker closes its end of the socket, which
the kernel does for a worker that is killed. No signal asks the kernel for that: it would come when the *thread* that
started the zygote ends.
"""

import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import traceback
from contextlib import suppress
from typing import NoReturn, cast

from streams.sandbox_child import serve
from streams.sandbox_start import STATE, Ends, kill_group

LONGEST_NAME_BYTES = 4096


class Zygote:
    """Takes calls from the worker, and for each child what the worker asks about it.

    Source: the design of Chromium's zygote and of `multiprocessing.forkserver`.
    """

    def __init__(self, worker: socket.socket) -> None:
        self._worker = worker
        # Unlike epoll this keeps nothing in the kernel that a child would share.
        self._selector = selectors.PollSelector()
        self._selector.register(worker, selectors.EVENT_READ)

    def serve(self) -> None:
        """Work until the worker is gone, then kill the children that are left."""
        while True:
            for key, _ in self._selector.select():
                if key.data is not None:
                    self._attend(cast("socket.socket", key.fileobj), key.data)
                elif not self._begin():
                    return self._end_all()

    def _begin(self) -> bool:
        module, fds, _, _ = socket.recv_fds(
            self._worker, LONGEST_NAME_BYTES, len(Ends._fields) + 1, socket.MSG_CMSG_CLOEXEC
        )
        if module:
            # A module that cannot be imported fails in the child once more, which can say so.
            with suppress(Exception):
                importlib.import_module(module.decode())
            self._fork(Ends(*fds[:-1]), socket.socket(fileno=fds[-1]))
        return bool(module)

    def _fork(self, ends: Ends, control: socket.socket) -> None:
        gc.freeze()  # a collection in the child would write to, and so copy, the pages of all our objects
        zygote_pid = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            control.close()  # the worker takes the child for lost, and tries again later
        else:
            if pid == 0:
                self._become_child(ends, control, zygote_pid)
            self._selector.register(control, selectors.EVENT_READ, pid)
        for fd in ends:
            os.close(fd)

    def _become_child(self, ends: Ends, control: socket.socket, zygote_pid: int) -> NoReturn:
        try:
            os.setsid()
            control.close()
            for key in list(self._selector.get_map().values()):
                cast("socket.socket", key.fileobj).close()
            for fd, number in ((ends.call, 0), (ends.output, 1), (ends.output, 2)):
                os.dup2(fd, number)
            os.close(ends.call)
            os.close(ends.output)
            serve(ends.wire, zygote_pid)
        except BaseException:  # it must never go on as a second zygote
            traceback.print_exc()
        finally:
            os._exit(1)

    def _attend(self, control: socket.socket, pid: int) -> None:
        with suppress(OSError):
            if control.recv(1):
                control.send(_state(pid))
                return
        self._end(control, pid)

    def _end(self, control: socket.socket, pid: int) -> None:
        self._selector.unregister(control)
        # It may not lead its group yet; until we wait for it, the number is its own.
        os.kill(pid, signal.SIGKILL)
        kill_group(pid)
        os.waitpid(pid, 0)
        control.close()

    def _end_all(self) -> None:
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                self._end(cast("socket.socket", key.fileobj), key.data)


def _state(pid: int) -> bytes:
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if ended is None:
        return STATE.pack(False, 0)
    return STATE.pack(True, ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as worker:
        Zygote(worker).serve()
