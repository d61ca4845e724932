"""The real process: it starts, is found, serves, and leaves in order, whatever is open."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from dashboard import job_folders
from dashboard.access.accounts import Accounts, AccountsFile, Token, hash_of, new_secret
from dashboard.access.audit import Trail
from dashboard.access.role_names import Role
from dashboard.jobs import Jobs
from streams.dashboard_card import DashboardCard, card_path, read_card
from streams.dashboard_health import DashboardHealth, health_of
from streams.settings import Settings

PATIENCE_S = 60.0
NO_KAFKA = "127.0.0.1:9"


def command(
    home: Path, *words: str, environment: Mapping[str, str] = {}, said: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a verb to its end."""
    return subprocess.run(
        [sys.executable, "-m", "dashboard.commands.main", *words],
        env=environment_of(home, environment), input=said, capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip


def environment_of(home: Path, changes: Mapping[str, str] = {}) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GROUNDSWELL_DASHBOARD")}
    return {
        **kept, "GROUNDSWELL_HOME": str(home), "GROUNDSWELL_KAFKA": NO_KAFKA, "GROUNDSWELL_DASHBOARD_PORT": "0", **changes,
    }  # fmt: skip


@contextmanager
def running(
    home: Path, environment: Mapping[str, str] = {}, *options: str
) -> Iterator[tuple[subprocess.Popen[bytes], DashboardCard]]:
    """A dashboard without Kafka; it waits for it, and shows what it knows."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dashboard.commands.main", "dashboard", "--quiet", *options],
            env=environment_of(home, environment), stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield process, card_of(home, process)
        finally:
            process.kill()
            process.wait()


def card_of(home: Path, process: subprocess.Popen[bytes]) -> DashboardCard:
    """Wait until it is there."""
    give_up_at_s = time.monotonic() + PATIENCE_S
    while (card := read_card(home)) is None:
        assert process.poll() is None, (home / "log").read_text()
        assert time.monotonic() < give_up_at_s, (home / "log").read_text()
        time.sleep(0.05)
    return card


def token_of(card: DashboardCard) -> str:
    return card.link.partition("#token=")[2]


def a_token(home: Path, role: Role) -> str:
    """Let a program in, as `groundswell tokens add` does."""
    secret = new_secret()
    token = Token(role=role, sha256=hash_of(secret), created_at_s=0.0)
    AccountsFile(home).change(lambda known: Accounts(tokens=known.tokens | {f"a-{role}": token}))
    return secret


def asked(url: str, token: str, *, data: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """Ask as a program does."""
    request = Request(url, data, {"Authorization": f"Bearer {token}", **headers})
    with urlopen(request, timeout=PATIENCE_S) as answer:
        return answer.status, answer.read()


def test_it_is_found_by_its_card_and_lets_the_owner_in_and_no_second_one_beside_it(tmp_path: Path) -> None:
    with running(tmp_path) as (process, card):
        assert card.pid == process.pid
        assert card.link == f"{card.url}/login#token={(tmp_path / 'dashboard' / 'token').read_text().strip()}"
        status, body = asked(f"{card.url}/v1/me", token_of(card))
        assert (status, json.loads(body)["name"]) == (200, "owner")
        assert command(tmp_path, "dashboard", "--link").stdout.strip() == card.link
        assert (found := health_of(tmp_path)) is not None
        assert (found.url, found.state) in ((card.url, "ready"), (card.url, "waiting"))
        second = command(tmp_path, "dashboard")
        assert second.returncode == 1
        assert f"runs already for {tmp_path} at {card.url}" in second.stderr
        assert "Traceback" not in second.stderr
        assert token_of(card) not in (tmp_path / "log").read_text()
    assert read_card(tmp_path) is None, "a dashboard that was killed is not taken for one that runs"
    assert health_of(tmp_path) is None


def test_a_dashboard_that_does_not_answer_is_told_from_one_that_does(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    DashboardCard(pid=os.getpid(), url=url, link=url).write(card_path(tmp_path))
    assert health_of(tmp_path) == DashboardHealth(url=url, state="silent")


def test_it_leaves_in_order_though_event_streams_are_open_and_sessions_go_on_after_it(tmp_path: Path) -> None:
    with running(tmp_path) as (process, card):
        body = json.dumps({"token": token_of(card)}).encode()
        with urlopen(Request(f"{card.url}/login", body, {"Content-Type": "application/json"})) as answer:
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
        request = Request(f"{card.url}/v1/events", headers={"Cookie": cookie})
        streams = [urlopen(request, timeout=PATIENCE_S) for _ in range(3)]
        assert all(stream.readline() == b"retry: 1000\n" for stream in streams)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        for stream in streams:
            stream.close()
        assert not (tmp_path / "dashboard" / "running.json").exists()
        assert "Traceback" not in (tmp_path / "log").read_text()
    with running(tmp_path) as (_, card), urlopen(Request(f"{card.url}/v1/me", headers={"Cookie": cookie})) as answer:
        assert json.load(answer)["way"] == "session"


@pytest.mark.parametrize("options", [["--stop-jobs"], []], ids=["of a system", "alone"])
def test_jobs_stop_with_the_dashboard_of_a_system_and_outlive_one_that_runs_alone(
    tmp_path: Path, options: list[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        never_answers = {"GROUNDSWELL_KAFKA": f"127.0.0.1:{silent.getsockname()[1]}"}
        with running(tmp_path, never_answers, *options) as (process, card):
            body = json.dumps({"kind": "replay"}).encode()
            kind = {"Content-Type": "application/json"}
            status, answer = asked(f"{card.url}/v1/jobs", token_of(card), data=body, **kind)
            job_id = json.loads(answer)["job_id"]
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
        jobs = Jobs(Settings(home=tmp_path, kafka=never_answers["GROUNDSWELL_KAFKA"]))
        assert status == 202
        job = jobs.one(job_id)
        assert job.state == "waiting" if options else job.state in ("running", "failed")
        if pid := job_folders.pid_of(jobs.folder(job_id)):
            os.killpg(pid, signal.SIGKILL)


def test_strangers_are_not_let_near_before_somebody_may_log_in(tmp_path: Path) -> None:
    refused = command(tmp_path, "dashboard", environment={"GROUNDSWELL_DASHBOARD_HOST": "0.0.0.0"})
    assert refused.returncode == 1
    assert refused.stderr.startswith("groundswell: the dashboard can be reached from elsewhere")
    assert "groundswell users add" in refused.stderr
    a_token(tmp_path, "viewer")
    refused = command(tmp_path, "dashboard", environment={"GROUNDSWELL_DASHBOARD_HOST": "0.0.0.0"})
    assert "without HTTPS" in refused.stderr


def test_behind_a_proxy_the_trail_has_the_address_that_the_proxy_saw(tmp_path: Path) -> None:
    token = a_token(tmp_path, "editor")
    environment = {"GROUNDSWELL_DASHBOARD_BEHIND_PROXY": "127.0.0.1"}
    with running(tmp_path, environment) as (_, card):
        assert card.link == card.url, "no link for everybody where strangers may come"
        seen = {"X-Forwarded-For": "203.0.113.9, 198.51.100.4", "X-Forwarded-Proto": "https"}
        with pytest.raises(OSError, match="HTTP Error"):
            asked(f"{card.url}/v1/videos", token, data=b"{}", **seen)
        assert next(Trail(tmp_path).newest_first()).address == "198.51.100.4"


def test_it_speaks_https(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes a certificate for the test, is not installed here")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    environment = {"GROUNDSWELL_DASHBOARD_TLS_CERT": str(certificate), "GROUNDSWELL_DASHBOARD_TLS_KEY": str(key)}
    with running(tmp_path / "home", environment) as (_, card):
        assert card.url.startswith("https://127.0.0.1:")
        assert (found := health_of(tmp_path / "home")) is not None
        assert found.state in ("ready", "waiting")
        body = json.dumps({"token": token_of(card)}).encode()
        request = Request(f"{card.url}/login", body, {"Content-Type": "application/json"})
        with urlopen(request, context=ssl.create_default_context(cafile=str(certificate))) as answer:
            assert "; Secure" in answer.headers["Set-Cookie"]
            assert answer.headers["Set-Cookie"].startswith("__Host-groundswell=")
