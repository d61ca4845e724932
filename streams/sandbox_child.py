"""The child's side of the sandbox: takes limits upon itself, calls one function, writes frames.

It is a program of its own, and what a zygote's child runs (`streams.sandbox_zygote`).

Parent and child talk in msgpack, never pickle: a child that a hostile file has taken over can send
numbers, text and the announced result, nothing that runs in the parent.
"""

import contextlib
import importlib
import os
import resource
import struct
import sys
import traceback
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any, NoReturn, get_type_hints

import msgspec

from streams.children import die_with_parent

LENGTH = struct.Struct("!I")
"""Every frame begins with its length in bytes."""

Reportable = float | int | str | None
"""What a report may be made of."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One call, with its limits. `args` are msgpack of each argument."""

    module: str
    name: str
    args: tuple[msgspec.Raw, ...]
    reports: bool
    memory_bytes: int | None
    file_bytes: int | None


class Returned(msgspec.Struct, frozen=True, tag=True):
    """The function's result, as msgpack."""

    value: msgspec.Raw


class Raised(msgspec.Struct, frozen=True, tag=True):
    """What the function raised, in words."""

    error: str
    message: str
    traceback: str


class Reported(msgspec.Struct, frozen=True, tag=True):
    """One call of ``report``."""

    values: tuple[Reportable, ...]


def pack(value: object) -> bytes:
    """Write a value that `unpack` reads; paths become text."""
    return msgspec.msgpack.encode(value, enc_hook=_path_as_text)


def unpack(value: bytes | msgspec.Raw, expected: Any) -> Any:  # Any: whatever type the annotation names
    """Read a value of the expected type.

    Raises
    ------
    msgspec.DecodeError
        It is something else.
    """
    return msgspec.msgpack.decode(value, type=expected, dec_hook=_text_as_path)


def annotations(function: Callable[..., object]) -> tuple[list[Any], Any]:  # Any: a type annotation
    """Types of the positional parameters, and of the result.

    Raises
    ------
    TypeError
        A parameter or the result has no annotation.
    """
    hints = get_type_hints(function)
    names = [name for name in signature(function).parameters if name != "report"]
    missing = [name for name in (*names, "return") if name not in hints]
    if missing:
        raise TypeError(f"{function.__qualname__} needs annotations to run in the sandbox; {missing} have none")
    return [hints[name] for name in names], hints["return"]


def serve(wire_fd: int, parent_pid: int) -> NoReturn:
    """Serve the one request on standard input, and end this process.

    Parameters
    ----------
    wire_fd : int
        Where frames go.
    parent_pid : int
        Who forked or started us; we die with it.
    """
    status = 1
    try:
        die_with_parent(parent_pid)
        request = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Request)
        _limit(request)
        _write(wire_fd, _answer(request, lambda data: _write(wire_fd, data)))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        # A library's leftover threads must not keep a finished child alive.
        os._exit(status)


def _answer(request: Request, write: Callable[[bytes], None]) -> bytes:
    try:
        function = getattr(importlib.import_module(request.module), request.name)
        types, _ = annotations(function)
        args = [unpack(raw, expected) for raw, expected in zip(request.args, types, strict=True)]
        keywords = {"report": lambda *values: write(pack(Reported(values)))} if request.reports else {}
        return pack(Returned(msgspec.Raw(pack(function(*args, **keywords)))))
    except Exception as error:
        # Frames kept by the traceback may hold the memory that is lacking.
        text = "" if isinstance(error, MemoryError) else traceback.format_exc()[-8000:]
        return pack(Raised(type(error).__name__, str(error)[:4000], text))


def _limit(request: Request) -> None:
    _lower(resource.RLIMIT_CORE, 0)
    if request.memory_bytes is not None:
        _lower(resource.RLIMIT_AS, request.memory_bytes)
    if request.file_bytes is not None:
        _lower(resource.RLIMIT_FSIZE, request.file_bytes)
    # When the machine runs out of memory, the child goes before the worker.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _lower(kind: int, limit: int) -> None:
    _, hard = resource.getrlimit(kind)
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    # macOS has RLIMIT_AS but refuses to set it; the time limit still holds there.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(kind, (limit, limit))


def _write(fd: int, data: bytes) -> None:
    frame = memoryview(LENGTH.pack(len(data)) + data)
    while frame:
        frame = frame[os.write(fd, frame) :]


def _path_as_text(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"the sandbox carries msgspec types and paths, not {type(value).__name__}")


def _text_as_path(expected: type, value: object) -> object:
    if issubclass(expected, Path) and isinstance(value, str):
        return Path(value)
    raise TypeError(f"the sandbox carries msgspec types and paths, not {expected.__name__}")


if __name__ == "__main__":
    serve(wire_fd=int(sys.argv[1]), parent_pid=int(sys.argv[2]))
