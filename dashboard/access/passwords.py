"""Passwords as argon2id hashes, checked by few threads at a time: each check takes 64 MiB for a moment."""

from functools import cache
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from dashboard.problems import Problem
from schemas.errors import UsageError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST = 10
LONGEST = 1000
AT_ONCE = 2
WAIT_S = 5.0

_turns = BoundedSemaphore(AT_ONCE)


def hashed(password: str) -> str:
    """Hash a new password.

    Raises
    ------
    UsageError
        It is too short, or absurdly long.

    Source: RFC 9106, second recommended option, as argon2-cffi chooses it.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise UsageError(f"a password has {SHORTEST} to {LONGEST} characters; came {len(password)}")
    return _hasher().hash(password)


def fits(password: str, known: str | None) -> bool:
    """Whether a password is the one of `known`, its hash; takes as long when there is none.

    Raises
    ------
    Problem
        Too many are being checked.
    """
    from argon2.exceptions import Argon2Error, InvalidHashError

    if not _turns.acquire(timeout=WAIT_S):
        raise Problem(503, "busy", "Too many people are logging in", detail="try again", headers={"Retry-After": "5"})
    try:
        return _hasher().verify(known or _nobody(), password[:LONGEST]) and known is not None
    except (Argon2Error, InvalidHashError):
        return False
    finally:
        _turns.release()


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobody() -> str:
    return _hasher().hash("a password that nobody has")
