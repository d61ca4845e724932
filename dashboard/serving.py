"""The running dashboard: the desk put together, the library kept up to date, and a web server before it."""

import logging
import os
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from dashboard.access.accounts import AccountsFile, owner_token
from dashboard.listening import bind, is_private, refuse_unsafe, url_of
from schemas.errors import BrokerUnavailable, UsageError
from streams.dashboard_card import DashboardCard, card_path, read_card
from streams.locks import try_lock
from streams.settings import Settings

if TYPE_CHECKING:
    import socket

    from starlette.types import ASGIApp

    from dashboard.desk import Desk

STOP_LIMIT_S = 1
"""Event streams never end by themselves; a browser that loses one comes back."""

KEEP_ALIVE_S = 75
BROKER_WAIT_S = 2.0

log = logging.getLogger(__name__)

Say = Callable[[str], None]


def serve(settings: Settings, *, say: Say) -> None:
    """Run the dashboard until SIGTERM or Ctrl-C.

    Parameters
    ----------
    say : callable
        Hears in a line where the dashboard is.

    Raises
    ------
    SettingsInvalid
        It would listen where strangers could come in.
    UsageError
        It runs already for this home, or its port is taken.
    """
    with ExitStack() as stack:
        refuse_unsafe(settings, has_accounts=_has_accounts(settings))
        _take_home(settings, stack)
        listener = bind(settings)
        stack.callback(listener.close)
        desk = open_desk(settings, stack, say=say)
        app = _put_together(desk, stack)
        _run(settings, app, listener, say=say)


def open_desk(settings: Settings, stack: ExitStack, *, say: Say = lambda line: None) -> "Desk":
    """Put together what routes need; `stack` closes it."""
    from dashboard.desk import Desk
    from dashboard.topics import KafkaTopics
    from streams.world import open_media

    bootstrap = _wait_for_kafka(settings, say)
    topics = KafkaTopics(settings, bootstrap)
    stack.callback(topics.close)
    library = _open_library(settings, bootstrap, stack)
    return Desk(settings=settings, bootstrap=bootstrap, library=library, topics=topics, store=open_media(settings))


def _open_library(settings: Settings, bootstrap: str, stack: ExitStack):  # type: ignore[no-untyped-def]  # stand-in
    try:
        from dashboard.library import open_library
        from dashboard.library_follow import Follower
    except ImportError:
        from dashboard.empty_library import EmptyLibrary

        return EmptyLibrary()
    library = open_library(settings)
    follower = Follower(settings, bootstrap, library)
    stack.callback(follower.stop)
    follower.start()
    return library


def _put_together(desk: "Desk", stack: ExitStack) -> "ASGIApp":
    from dashboard.access.database import open_database
    from dashboard.app import create_app
    from dashboard.guard import guarded

    database = open_database(desk.settings.home)
    stack.callback(database.close)
    return guarded(create_app(desk), desk.settings, database)


def _has_accounts(settings: Settings) -> bool:
    accounts = AccountsFile(settings.home).read()
    return bool(accounts.users or accounts.tokens)


def _way_in(settings: Settings, url: str) -> str:
    """What to open: for those at this machine with the token behind a #, which browsers keep to themselves."""
    return f"{url}/login#token={owner_token(settings.home)}" if is_private(settings) else url


def _run(settings: Settings, app: "ASGIApp", listener: "socket.socket", *, say: Say) -> None:
    """Serve; the signal that ended it has been heard when this returns."""
    import uvicorn

    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.dashboard_behind_proxy),
        forwarded_allow_ips=list(settings.dashboard_behind_proxy),
        timeout_graceful_shutdown=STOP_LIMIT_S,
        timeout_keep_alive=KEEP_ALIVE_S,
        ssl_certfile=settings.dashboard_tls_cert,
        ssl_keyfile=settings.dashboard_tls_key,
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    url = url_of(settings, listener.getsockname()[1])
    card = card_path(settings.home)
    DashboardCard(pid=os.getpid(), url=url).write(card)
    say(f"the dashboard is at {_way_in(settings, url)}")
    try:
        with suppress(SystemExit, KeyboardInterrupt):  # the server hands its signal on when it has shut down
            uvicorn.Server(config).run(sockets=[listener])
    finally:
        card.unlink(missing_ok=True)


def _take_home(settings: Settings, stack: ExitStack) -> None:
    folder = settings.home / "dashboard"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    lock = try_lock(folder / "lock")
    if lock is None:
        card = read_card(settings.home)
        where = f" at {card.url}" if card else ""
        raise UsageError(f"the dashboard runs already for {settings.home}{where}; open that, or set GROUNDSWELL_HOME")
    stack.callback(os.close, lock)


def _wait_for_kafka(settings: Settings, say: Say) -> str:
    from streams.kafka.connection import bootstrap_of

    said = ""
    while True:
        try:
            return bootstrap_of(settings)
        except BrokerUnavailable as error:
            if str(error) != said:
                say(f"waiting for Kafka: {error}")
            said = str(error)
        time.sleep(BROKER_WAIT_S)
