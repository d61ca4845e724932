"""The roles; apart from the web, so that commands that name one start quickly."""

from typing import Literal, get_args

Role = Literal["viewer", "editor", "admin"]
"""``viewer`` reads; ``editor`` also submits, labels, names people; ``admin`` also erases, promotes, trains, redrives."""

ROLES: tuple[Role, ...] = get_args(Role)
