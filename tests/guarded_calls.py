"""What code inside a guarded child may try; for the sandbox to run."""

import os
import socket
import subprocess
from pathlib import Path

from streams.sources import ytdlp
from streams.sources.egress import guard
from streams.sources.wanted import Wanted


def connect(host: str, port: int, networks: tuple[str, ...]) -> str:
    """Connect as libraries do, by name."""
    guard(networks)
    with socket.create_connection((host, port), timeout=5) as connection:
        return str(connection.getpeername()[0])


def connect_without_resolving(host: str, port: int) -> str:
    """Connect to a literal address past `getaddrinfo`."""
    guard()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as connection:
        connection.settimeout(5)
        connection.connect((host, port))
    return "connected"


def send_datagram(host: str, port: int) -> str:
    """Send without connecting."""
    guard()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", (host, port))
    return "sent"


def connect_to_a_file(path: str) -> str:
    """Talk to a local service over its socket file."""
    guard()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
    return "connected"


def start_a_program(how: str) -> str:
    """Start a program in one of the ways Python has."""
    guard()
    if how == "subprocess":
        subprocess.run(["true"], check=False)
    elif how == "system":
        os.system("true")
    elif how == "spawn":
        os.posix_spawn("/bin/true", ["true"], {})
    elif how == "fork" and os.fork() == 0:
        os._exit(0)
    return "started"


def parts_of_ytdlp(folder: Path) -> tuple[list[str], list[str]]:
    """Which plugins and which network code yt-dlp has as we start it."""
    guard()
    with ytdlp._downloader(folder, Wanted(), ytdlp._Progress(Wanted(), print)) as ydl:
        from yt_dlp.globals import plugin_ies, plugin_pps

        handlers = [handler.RH_NAME for handler in ydl._request_director.handlers.values()]
        return [*plugin_ies.value, *plugin_pps.value], handlers
