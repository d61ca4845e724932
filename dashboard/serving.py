"""The running dashboard: the desk put together, the library kept up to date, and a web server before it."""

import logging
import os
import threading
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

    import uvicorn
    from starlette.types import ASGIApp

    from dashboard.desk import Desk
    from dashboard.jobs import Jobs
    from dashboard.library_follow import Follower

STOP_LIMIT_S = 1
"""Event streams never end by themselves; a browser that loses one comes back."""

KEEP_ALIVE_S = 75
BROKER_WAIT_S = 2.0

log = logging.getLogger(__name__)

Say = Callable[[str], None]


def serve(settings: Settings, *, say: Say, stop_jobs: bool = False) -> None:
    """Run the dashboard until SIGTERM or Ctrl-C.

    Parameters
    ----------
    say : callable
        Hears in a line where the dashboard is.
    stop_jobs : bool
        Jobs are stopped with it, and go on at the next start; else they outlive it.

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
        desk, follower = open_desk(settings, stack, say=say)
        app, jobs = _put_together(desk, follower, stack)
        if stop_jobs:
            stack.callback(jobs.interrupt)
        follower.start()
        _run(desk, app, listener, say=say)


def open_desk(settings: Settings, stack: ExitStack, *, say: Say = lambda line: None) -> "tuple[Desk, Follower]":
    """Put together what routes need, and a follower, not started yet, that keeps the library up to date.

    Parameters
    ----------
    stack : ExitStack
        Closes all of it.
    """
    from dashboard.desk import Desk
    from dashboard.library import open_library
    from dashboard.library_follow import Follower
    from dashboard.live.hub import Hub
    from dashboard.topics import KafkaTopics
    from streams.world import open_media

    bootstrap = _wait_for_kafka(settings, say)
    topics = KafkaTopics(settings, bootstrap)
    stack.callback(topics.close)
    library = open_library(settings)
    stack.callback(library.close)
    hub = Hub(library)
    follower = Follower(settings, bootstrap, library, on_changes=hub.hear)
    stack.callback(follower.stop)
    store = open_media(settings)
    desk = Desk(settings=settings, bootstrap=bootstrap, library=library, topics=topics, store=store, hub=hub)
    return desk, follower


def _put_together(desk: "Desk", follower: "Follower", stack: ExitStack) -> "tuple[ASGIApp, Jobs]":
    from dashboard.access.database import open_database
    from dashboard.app import create_app
    from dashboard.guard import guarded
    from dashboard.pages.rendering import environment, prepare
    from dashboard.webhooks_worker import start_telling

    database = open_database(desk.settings.home)
    stack.callback(database.close)
    app = create_app(desk)
    app.state.follower = follower
    app.state.jobs.begin()
    environment()  # here: two threads that ask for it first would make it twice
    threading.Thread(target=prepare, name="templates", daemon=True).start()
    start_telling(desk.settings, desk.bootstrap, stack)
    return guarded(app, desk.settings, database), app.state.jobs


def _has_accounts(settings: Settings) -> bool:
    accounts = AccountsFile(settings.home).read()
    return bool(accounts.users or accounts.tokens)


def _link(settings: Settings, url: str) -> str:
    """What to open: for those at this machine with the token behind a #, which browsers keep to themselves."""
    return f"{url}/login#token={owner_token(settings.home)}" if is_private(settings) else url


def _run(desk: "Desk", app: "ASGIApp", listener: "socket.socket", *, say: Say) -> None:
    """Serve; the signal that ended it has been heard when this returns."""
    settings, port = desk.settings, listener.getsockname()[1]
    server = _server(desk, app)
    url = url_of(settings, port)
    link = _link(settings, url)
    say(f"open the dashboard: {link}")
    card = card_path(settings.home)
    DashboardCard(pid=os.getpid(), url=url, link=link).write(card)
    try:
        with suppress(SystemExit, KeyboardInterrupt):  # the server hands its signal on when it has shut down
            server.run(sockets=[listener])
    finally:
        card.unlink(missing_ok=True)


def _server(desk: "Desk", app: "ASGIApp") -> "uvicorn.Server":
    import uvicorn

    from dashboard.live.server import LiveServer

    settings = desk.settings
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
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
    return LiveServer(config, desk.hub) if desk.hub else uvicorn.Server(config)


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
