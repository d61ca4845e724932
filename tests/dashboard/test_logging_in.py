"""Who comes in: by token, by the link in the terminal, by password; and when that ends."""

import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from doors import ADDRESS, OUR_PAGE, PASSWORD, Doors, doors_of
from starlette.testclient import TestClient

from dashboard.access.accounts import Accounts, owner_token
from dashboard.access.database import open_database
from dashboard.access.sessions import IDLE_LIMIT_S, LIFE_LIMIT_S, Session, Sessions
from dashboard.access.throttle import LONGEST_WAIT_S, MOST_KEYS, Throttle
from dashboard.pages.login import own_path
from schemas.errors import SettingsInvalid
from streams.settings import Settings


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    with doors_of(tmp_path) as made:
        yield made


def who(client: TestClient) -> dict[str, str]:
    answer = client.get("/v1/me")
    return answer.json() if answer.status_code == 200 else {"status": str(answer.status_code)}


def log_in(client: TestClient, **body: str) -> int:
    return client.post("/login", json=body, headers=OUR_PAGE).status_code


def test_nobody_is_let_in_without_a_word(doors: Doors) -> None:
    answer = doors.client().get("/v1/me")
    assert answer.status_code == 401
    assert answer.json()["type"] == "/problems/who-are-you"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_person_without_a_session_is_led_to_the_login_and_back(doors: Doors) -> None:
    answer = doors.client().get("/videos?text=a&sort=title", headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/login?next=%2Fvideos%3Ftext%3Da%26sort%3Dtitle"


def test_the_owner_comes_in_by_the_token_made_at_start(doors: Doors, tmp_path: Path) -> None:
    assert who(doors.owner()) == {"name": "owner", "role": "admin", "way": "token"}
    file = tmp_path / "dashboard" / "token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert owner_token(tmp_path) == file.read_text().strip(), "it stays the same from start to start"


def test_a_wrong_token_is_refused_even_beside_a_good_session(doors: Doors) -> None:
    doors.user("maria", "editor")
    browser = doors.browser("maria")
    assert browser.get("/v1/me", headers={"Authorization": "Bearer gsw_wrong"}).status_code == 401
    assert browser.get("/v1/me", headers={"Authorization": "Basic bWFyaWE6"}).status_code == 401


def test_the_link_in_the_terminal_becomes_a_session(doors: Doors, tmp_path: Path) -> None:
    browser = doors.client()
    answer = browser.post("/login", json={"token": owner_token(tmp_path)}, headers=OUR_PAGE)
    assert answer.json() == {"name": "owner", "role": "admin"}
    assert who(browser) == {"name": "owner", "role": "admin", "way": "session"}


def test_a_token_is_never_taken_from_an_address(doors: Doors, tmp_path: Path) -> None:
    token = owner_token(tmp_path)
    assert doors.client().get(f"/v1/me?token={token}").status_code == 401
    assert doors.client().get(f"/login?token={token}").headers.get("Set-Cookie") is None


def test_the_cookie_is_for_our_pages_only_and_no_script_reads_it(doors: Doors, tmp_path: Path) -> None:
    answer = doors.client().post("/login", json={"token": owner_token(tmp_path)}, headers=OUR_PAGE)
    flags = answer.headers["Set-Cookie"].split("; ")[1:]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(flags)
    assert "Secure" not in flags, "a browser would not send it back to http://127.0.0.1"


def test_under_https_the_cookie_is_secure_and_bound_to_the_host(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, dashboard_behind_proxy=("127.0.0.1",), dashboard_names=("videos.example.org",))
    with doors_of(tmp_path, settings=settings) as doors:
        doors.user("maria", "viewer")
        client = doors.client(address="https://videos.example.org")
        origin = {"Origin": "https://videos.example.org", "Sec-Fetch-Site": "same-origin"}
        answer = client.post("/login", json={"name": "maria", "password": PASSWORD}, headers=origin)
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-groundswell=")
        assert "; Secure" in cookie
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_the_owners_token_opens_nothing_that_can_be_reached_from_elsewhere(tmp_path: Path) -> None:
    with doors_of(tmp_path, settings=Settings(home=tmp_path, dashboard_behind_proxy=("127.0.0.1",))) as doors:
        assert who(doors.owner()) == {"status": "401"}
        assert log_in(doors.client(), token=owner_token(tmp_path)) == 401


def test_somebody_logs_in_with_a_password_and_out_again(doors: Doors) -> None:
    doors.user("maria", "editor")
    browser = doors.browser("Maria ")
    assert who(browser) == {"name": "maria", "role": "editor", "way": "session"}
    kept = dict(browser.cookies)
    answer = browser.post("/logout", headers=OUR_PAGE)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    thief = doors.client()
    thief.cookies.update(kept)
    assert who(thief) == {"status": "401"}, "the session ends at the server, not only in the browser"


@pytest.mark.parametrize(("name", "password"), [("maria", "wrong password"), ("nobody", PASSWORD), ("maria", "")])
def test_wrong_names_and_wrong_passwords_are_answered_alike(doors: Doors, name: str, password: str) -> None:
    doors.user("maria", "editor")
    answer = doors.client().post("/login", json={"name": name, "password": password}, headers=OUR_PAGE)
    assert answer.status_code == 401
    assert answer.json()["detail"] == "name and password do not fit together"
    assert "Set-Cookie" not in answer.headers


def test_an_unknown_name_costs_a_whole_check_of_a_password(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    from argon2 import PasswordHasher

    checked: list[str] = []
    real = PasswordHasher.verify

    def counting(self: PasswordHasher, known: str, password: str) -> bool:
        checked.append(known.split("$")[3])
        return bool(real(self, known, password))

    monkeypatch.setattr(PasswordHasher, "verify", counting)
    doors.user("maria", "editor")
    for name in ("maria", "nobody"):
        assert log_in(doors.client(), name=name, password="wrong password") == 401
    assert checked == ["m=65536,t=3,p=4"] * 2


def test_removing_somebody_ends_their_session_at_once(doors: Doors) -> None:
    doors.user("maria", "editor")
    browser = doors.browser("maria")
    doors.accounts.change(lambda known: Accounts(tokens=known.tokens))
    assert who(browser) == {"status": "401"}


def test_a_new_role_counts_at_once(doors: Doors) -> None:
    doors.user("maria", "viewer")
    browser = doors.browser("maria")
    doors.accounts.change(
        lambda known: Accounts(users={"maria": msgspec.structs.replace(known.users["maria"], role="admin")})
    )
    assert who(browser)["role"] == "admin"


def test_a_new_password_ends_the_sessions_of_the_old_one(doors: Doors) -> None:
    doors.user("maria", "editor")
    browser = doors.browser("maria")
    doors.user("maria", "editor", password="another good one")
    assert who(browser) == {"status": "401"}


def test_a_revoked_token_ends_the_sessions_it_began(doors: Doors) -> None:
    browser, token = doors.client(), doors.token("viewer", name="tablet")
    assert log_in(browser, token=token) == 200
    assert who(browser) == {"name": "tablet", "role": "viewer", "way": "session"}
    doors.accounts.change(lambda known: Accounts(users=known.users))
    assert who(browser) == {"status": "401"}


def test_a_session_survives_a_restart(tmp_path: Path) -> None:
    with doors_of(tmp_path) as before:
        before.user("maria", "editor")
        kept = dict(before.browser("maria").cookies)
    with doors_of(tmp_path) as after:
        browser = after.client()
        browser.cookies.update(kept)
        assert who(browser)["name"] == "maria"


def test_what_is_kept_of_a_session_opens_nothing(doors: Doors, tmp_path: Path) -> None:
    doors.user("maria", "editor")
    secret = dict(doors.browser("maria").cookies)[doors.gate.cookie]
    files = [path.read_bytes() for path in (tmp_path / "dashboard").iterdir()]
    assert not any(secret.encode() in content for content in files)
    assert not any(PASSWORD.encode() in content for content in files)


@pytest.mark.parametrize(("later_s", "is_there"), [(IDLE_LIMIT_S - 1, True), (IDLE_LIMIT_S + 1, False)])
def test_a_session_that_is_not_used_ends(tmp_path: Path, later_s: float, is_there: bool) -> None:
    now_s = [1000.0]
    sessions = Sessions(open_database(tmp_path), now_s=lambda: now_s[0])
    secret = sessions.begin(Session(kind="user", name="maria", credential="c"))
    now_s[0] += later_s
    assert (sessions.find(secret) is not None) is is_there


def test_a_session_that_is_used_ends_too_in_the_end(tmp_path: Path) -> None:
    now_s = [1000.0]
    sessions = Sessions(open_database(tmp_path), now_s=lambda: now_s[0])
    secret = sessions.begin(Session(kind="user", name="maria", credential="c"))
    while now_s[0] < 1000.0 + LIFE_LIMIT_S - IDLE_LIMIT_S:
        now_s[0] += IDLE_LIMIT_S / 2
        assert sessions.find(secret) is not None
    now_s[0] = 1000.0 + LIFE_LIMIT_S + 1
    assert sessions.find(secret) is None


def test_guessing_becomes_slow_even_for_who_knows_the_password_then(doors: Doors) -> None:
    doors.user("maria", "editor")
    client = doors.client()
    answers = [log_in(client, name="maria", password=f"wrong {n}") for n in range(8)]
    assert answers[:6] == [401] * 6
    assert answers[-1] == 429
    answer = client.post("/login", json={"name": "maria", "password": PASSWORD}, headers=OUR_PAGE)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert log_in(doors.client(client="192.0.2.99"), name="maria", password=PASSWORD) == 200, "others come in"


def test_the_wait_doubles_up_to_a_limit_and_is_forgotten_in_time() -> None:
    now_s = [0.0]
    throttle = Throttle(now_s=lambda: now_s[0])
    waits = []
    for _ in range(14):
        assert throttle.begin([("maria", 2)]) == 0.0
        waits.append(throttle.begin([("maria", 2)]) if len(waits) >= 2 else 0.0)
        now_s[0] += waits[-1]
    assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, LONGEST_WAIT_S, LONGEST_WAIT_S]
    now_s[0] += 4000
    assert [throttle.begin([("maria", 2)]) for _ in range(3)] == [0.0] * 3


def test_a_right_password_is_not_counted_as_a_failure() -> None:
    throttle = Throttle(now_s=lambda: 0.0)
    for _ in range(100):
        assert throttle.begin([("maria", 2), ("address", 2)]) == 0.0
        throttle.forgive(("maria", "address"), forget="maria")


def test_many_names_do_not_grow_memory() -> None:
    throttle = Throttle(now_s=lambda: 0.0)
    for number in range(MOST_KEYS + 500):
        throttle.begin([(f"name {number}", 0)])
    assert len(throttle._tried) == MOST_KEYS


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("/videos?a=1", "/videos?a=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\nSet-Cookie: b", "/"),
        ("/login?next=/login", "/"),
        ("", "/"),
    ],
)
def test_the_login_leads_on_to_our_own_pages_only(asked: str, given: str) -> None:
    assert own_path(asked) == given


def test_the_login_page_says_where_the_token_is_and_has_no_inline_script(doors: Doors) -> None:
    answer = doors.client().get("/login", params={"next": '/videos?text="><script>alert(1)</script>'})
    assert answer.status_code == 200
    assert "dashboard/token" in answer.text
    assert "<script>" not in answer.text
    assert " style=" not in answer.text


def test_who_is_logged_in_needs_no_login_page(doors: Doors) -> None:
    doors.user("maria", "viewer")
    answer = doors.browser("maria").get("/login?next=/people")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/people")


def test_a_spoilt_file_of_accounts_lets_nobody_in_and_is_named(doors: Doors) -> None:
    doors.user("maria", "viewer")
    doors.accounts.path.write_text("{}}")
    with pytest.raises(SettingsInvalid, match=r"access\.json is no file of users and tokens"):
        doors.accounts.read()
    answer = doors.client("gsw_something").get("/v1/me")
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/broken")
    assert "access.json" not in answer.text, "what is wrong is told in the log, not to strangers"


def test_a_form_of_another_site_cannot_log_somebody_in(doors: Doors, tmp_path: Path) -> None:
    body = {"token": owner_token(tmp_path)}
    assert doors.client().post("/login", data=body).status_code == 422, "a form is no JSON"
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert doors.client().post("/login", json=body, headers=foreign).status_code == 403
    assert ADDRESS.startswith("http://127.0.0.1")
