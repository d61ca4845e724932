"""``groundswell users`` and ``groundswell tokens``, as they are typed."""

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import Result
from typer.testing import CliRunner

from dashboard.access.accounts import Accounts, AccountsFile, Token, checked_name
from dashboard.access.audit import Trail
from dashboard.access.passwords import fits
from dashboard.commands.main import app
from schemas.errors import UsageError
from streams import settings

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of its own for each test."""
    monkeypatch.setenv("GROUNDSWELL_HOME", str(tmp_path))
    settings.load.cache_clear()
    yield tmp_path
    settings.load.cache_clear()


def groundswell(*words: str, said: str = "") -> Result:
    return CliRunner().invoke(app, words, input=said)


def test_somebody_is_added_and_changed_and_removed(tmp_path: Path) -> None:
    file = AccountsFile(tmp_path)
    assert groundswell("users", "add", "Maria", "--role", "editor", said=PASSWORD + "\n").exit_code == 0
    maria = file.read().users["maria"]
    assert maria.role == "editor"
    assert maria.password.startswith("$argon2id$")
    assert fits(PASSWORD, maria.password)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    listed = json.loads(groundswell("users", "list", "--json").stdout)
    assert [(user["name"], user["role"]) for user in listed] == [("maria", "editor")]
    assert "password" not in listed[0]
    assert groundswell("users", "role", "maria", "admin").exit_code == 0
    assert groundswell("users", "password", "maria", said="another good one\n").exit_code == 0
    changed = file.read().users["maria"]
    assert changed.role == "admin"
    assert fits("another good one", changed.password)
    assert groundswell("users", "remove", "maria").exit_code == 0
    assert file.read().users == {}
    commands = [entry.path for entry in Trail(tmp_path).newest_first()]
    assert commands[::-1] == [
        "users add maria --role editor", "users role maria admin", "users password maria", "users remove maria",
    ]  # fmt: skip


def test_a_token_is_shown_once_and_kept_as_a_hash(tmp_path: Path) -> None:
    secret = groundswell("tokens", "add", "nightly-import", "--role", "editor").stdout.strip()
    assert secret.startswith("gsw_")
    assert len(secret) > 40
    assert not any(secret in path.read_text() for path in (tmp_path / "dashboard").iterdir())
    found = AccountsFile(tmp_path).read().token_of(secret)
    assert found is not None
    assert (found[0], found[1].role) == ("nightly-import", "editor")
    assert groundswell("tokens", "list").stdout.split() == ["nightly-import", "editor"]
    assert groundswell("tokens", "revoke", "nightly-import").exit_code == 0
    assert AccountsFile(tmp_path).read().token_of(secret) is None


@pytest.mark.parametrize(
    ("words", "said", "reason"),
    [
        (("users", "add", "maria"), "short\n", "10 to 1000 characters"),
        (("users", "add", "maria"), "", "no password came"),
        (("users", "add", "maria o'hara"), PASSWORD + "\n", "letters a-z"),
        (("users", "add", "owner"), PASSWORD + "\n", "is taken"),
        (("users", "remove", "nobody"), "", "groundswell users list"),
        (("tokens", "revoke", "nothing"), "", "groundswell tokens list"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    tmp_path: Path, words: tuple[str, ...], said: str, reason: str
) -> None:
    done = groundswell(*words, said=said)
    assert isinstance(done.exception, UsageError)
    assert reason in str(done.exception)
    assert AccountsFile(tmp_path).read() == Accounts()


def test_a_role_that_does_not_exist_is_refused_without_a_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dashboard.commands.main", "users", "add", "maria", "--role", "king"],
        env={**os.environ, "GROUNDSWELL_HOME": str(tmp_path)}, input=PASSWORD, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "king" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_is_one_persons_or_one_programs() -> None:
    known = Accounts(tokens={"prometheus": Token(role="viewer", sha256="", created_at_s=0.0)})
    with pytest.raises(UsageError, match="taken"):
        checked_name("Prometheus", known)
    assert checked_name(" Maria.Curie@example.org ", known) == "maria.curie@example.org"


def test_changes_at_the_same_time_all_count(tmp_path: Path) -> None:
    def add(number: int) -> None:
        token = Token(role="viewer", sha256=str(number), created_at_s=0.0)
        AccountsFile(tmp_path).change(
            lambda known: msgspec.structs.replace(known, tokens=known.tokens | {f"t{number}": token})
        )

    threads = [threading.Thread(target=add, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(AccountsFile(tmp_path).read().tokens) == {f"t{number}" for number in range(12)}
