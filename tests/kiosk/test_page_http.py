"""The simulator's page without a browser: who is let in, what is told, and what a deed does, over real connections."""

from __future__ import annotations

import base64
import io
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pygame
import pytest
from support.living_kiosk import LivingKiosk, bank_in, with_card
from support.page_guest import Guest, Listener, with_page
from support.real_processes import RealBank, RealKiosk

PIN = "4711"


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBank]:
    with bank_in(tmp_path_factory.mktemp("page")) as bank:
        yield bank


@pytest.fixture(scope="module")
def living(bank: RealBank, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LivingKiosk, Guest]]:
    """One kiosk for all questions that leave it as it was."""
    kiosk = RealKiosk.enrolled(bank, tmp_path_factory.mktemp("page-kiosk"))
    kiosk.load(top=20, middle=20, bottom=20)
    with_card(bank, kiosk, pin=PIN)
    with with_page(kiosk) as found:
        yield found


@pytest.fixture
def guest(living: tuple[LivingKiosk, Guest]) -> Guest:
    return living[1]


# ── Who is let in ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "path", ["/", "/x/", "/{short}/", "/{token}x/", "/{upper}/", "//{token}/", "/do", "/../{token}/"]
)
def test_without_the_token_nothing_is_told(guest: Guest, path: str) -> None:
    """A path that does not begin with the token is refused, and the answer does not say what there would be."""
    wrong = path.format(short=guest.token[:-1], token=guest.token, upper=guest.token.swapcase())
    answer = guest.ask("GET", wrong)
    assert answer.status == 403
    assert guest.token not in answer.body.decode()
    assert b"script" not in answer.body


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "0.0.0.0:{port}", "", None]
)
def test_a_foreign_name_for_this_address_is_refused(guest: Guest, host: str | None) -> None:
    """DNS rebinding: a stranger's name that resolves to 127.0.0.1 comes with that name, and is refused though it has the token."""
    named = host.format(port=guest.port) if host is not None else None
    assert guest.get("", Host=named).status == 403


def test_the_name_localhost_is_this_computer(guest: Guest) -> None:
    """Browsers resolve it without asking anybody."""
    assert guest.get("", Host=f"localhost:{guest.port}").status == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:{port}", "", None]
)
def test_another_page_can_do_nothing(guest: Guest, origin: str | None) -> None:
    """A deed needs the page's own origin, even from whoever knows the address."""
    named = origin.format(port=guest.port) if origin is not None else None
    assert guest.do({"do": "power", "on": False}, Origin=named).status == 403
    assert guest.ask("OPTIONS", f"/{guest.token}/do", Origin=named).status in {400, 403}
    with guest.listening() as listener:
        listener.until(lambda one: "power" in one.now, "news of the power")
        assert listener.now["power"]["on"] is True


def test_a_foreign_origin_may_not_read_either(guest: Guest) -> None:
    """Nothing is answered to another page, and no header invites one."""
    assert guest.get("events", Origin="http://evil.example").status == 403
    own = guest.get("")
    assert not [name for name in own.headers if name.startswith("access-control")]


def test_a_form_of_another_page_is_no_deed(guest: Guest) -> None:
    """What a plain form can send is not JSON by its type, and is refused."""
    assert guest.do({"do": "pull"}, Content_Type="text/plain").status == 415
    assert guest.do({"do": "pull"}, Content_Type="application/x-www-form-urlencoded").status == 415


def test_nothing_inline_runs_and_nobody_frames_it(guest: Guest) -> None:
    """Every answer says so, refusals too; the page itself holds no script, style or handler of its own."""
    page = guest.get("")
    for answer in (page, guest.get("page.js"), guest.get("nothing"), guest.ask("GET", "/")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
    text = page.body.decode()
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|javascript:", text)


def test_only_loopback_is_bound(living: tuple[LivingKiosk, Guest]) -> None:
    """No other machine can reach it, whatever it knows."""
    tables = [
        Path(f"/proc/{living[0].pid}/net/{name}") for name in ("tcp", "tcp6") if Path(f"/proc/net/{name}").exists()
    ]
    bound = [
        line.split()[1]
        for table in tables
        for line in table.read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{living[1].port:04X}") and line.split()[3] == "0A"
    ]
    assert bound == [f"0100007F:{living[1].port:04X}"]


def test_the_address_is_another_one_each_time(bank: RealBank, tmp_path: Path) -> None:
    """The token cannot be guessed from an older one; and it is of full length."""
    kiosk = RealKiosk.enrolled(bank, tmp_path / "kiosk")
    tokens = set()
    for _ in range(2):
        with with_page(kiosk) as (_, guest):
            tokens.add(guest.token)
    assert len(tokens) == 2
    assert {len(base64.urlsafe_b64decode(token)) for token in tokens} == {24}


def test_a_port_that_is_taken_is_one_sentence(bank: RealBank, tmp_path: Path) -> None:
    """It names the port and the way out; a port that is none is refused before anything starts."""
    kiosk = RealKiosk.enrolled(bank, tmp_path / "kiosk")
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        done = kiosk.run("simulate", "--quiet", "--page", str(port))
    assert done.code == 2
    assert (
        done.sentence == f"atm-kiosk: port {port} is taken; name another one, --page PORT, or none for any that is free"
    )
    assert "is not a port from 1024 to 65535" in kiosk.run("simulate", "--page", "80").sentence


# ── What is told ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_everything_that_the_page_names_is_there(guest: Guest) -> None:
    """Each file that markup, style or script refers to is found, with the type that a strict browser wants."""
    kinds = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "ttf": "font/ttf"}
    wanted, found = [""], set[str]()
    while wanted:
        name = wanted.pop()
        answer = guest.get(name)
        assert answer.status == 200, name
        found.add(name)
        if name:
            assert answer.headers["content-type"].startswith(kinds[name.rpartition(".")[2]]), name
        if not name.endswith((".ttf", ".svg")):
            named = re.findall(r"(?:href=|src=|url\(|from )[\"'](?:\./)?([\w.-]+)[\"']", answer.body.decode())
            wanted += [one for one in named if one not in found]
    assert {"page.js", "page.css", "theme.css", "mark.svg", "panels.js", "Figtree-700.ttf"} <= found
    assert b"--deep: #0f4a57" in guest.get("theme.css").body
    assert guest.get("Figtree-700.ttf").body[:4] == b"\0\1\0\0"


@pytest.mark.parametrize(
    "name", ["../page.js", "page.py", "%2e%2e/wish.py", "OFL.txt", "terminal.key", "events/x", "do"]
)
def test_nothing_else_is_there(guest: Guest, name: str) -> None:
    """What is not on the page's list is not looked for on the disk."""
    assert guest.get(name).status == 404


def test_the_stream_tells_all_at_once(guest: Guest) -> None:
    """Who comes is told the whole picture and the whole state, and who comes later the same."""
    for _ in range(2):
        with guest.listening() as listener:
            assert "200 OK" in listener.head
            assert "text/event-stream" in listener.head
            listener.until(lambda one: "picture" in one.heard and "journal" in one.heard, "picture and journal")
            assert listener.heard["glass"] == [{"width": 1024, "height": 600}]
            first = picture(listener.heard["picture"][0])
            assert first.get_size() == (1024, 600)
            assert listener.now["cards"] == {"inside": "", "all": ["card-1"], "blanks": []}
            assert listener.now["line"] == {"cut": False}
            assert {
                "dispenser",
                "acceptor",
                "printer",
                "jack",
                "keypad",
                "lamps",
                "voice",
                "safe door",
                "service door",
            } == {one["device"] for one in listener.now["faults"]}
            kinds = [one["kind"] for one in listener.heard["journal"]]
            assert "booted" in kinds


def picture(event: dict[str, object]) -> pygame.Surface:
    return pygame.image.load(io.BytesIO(base64.b64decode(str(event["png"]))), "x.png")


def test_the_line_is_told_by_kind_alone(guest: Guest) -> None:
    """Which messages went, and what came back: never a body, a key or a session."""
    with guest.listening() as listener:
        listener.until(lambda one: any(said["kind"] == "echo" for said in one.heard.get("line", [])), "an echo")
        for said in listener.heard["line"]:
            assert set(said) == {"number", "at", "kind", "answer", "lost", "ms"}
        assert ("sign-on", "signed-on") in [(said["kind"], said["answer"]) for said in listener.heard["line"]]


# ── What a deed does ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b"nonsense", b"\xff", b'{"do":"dance"}', b'{"do":"press"}', b'{"do":"press","key":"12"}',
        b'{"do":"touch","x":-1,"y":5}', b'{"do":"touch","x":1e400,"y":5}', b'{"do":"load","notes":501}',
        b'{"do":"line","cut":"yes"}', b'{"do":"pull","extra":1}', b'{"do":"fault","device":"a","name":"b","how":"x"}',
        b"[" * 4000,
    ],
)  # fmt: skip
def test_what_is_no_deed_is_refused(guest: Guest, body: bytes) -> None:
    """One sentence, and the simulator goes on."""
    answer = guest.do(body)
    assert answer.status == 400
    assert answer.body == b"The page asked for something that is not known here.\n"


def test_a_body_that_is_too_long_is_not_read(guest: Guest) -> None:
    """Its length alone is enough."""
    assert guest.do(b" " * 4_097).status == 413


@pytest.mark.parametrize(
    ("deed", "says"),
    [
        ({"do": "insert", "card": "nobodys"}, "There is no card nobodys; cards here: card-1."),
        ({"do": "pull"}, "There is no card in the slot."),
        ({"do": "take-cash"}, "There is nothing in the tray."),
        ({"do": "press", "key": "X"}, "The pad has no key 'X'"),
        ({"do": "fault", "device": "roof", "name": "leak", "how": "once"}, "There is no device 'roof'"),
        ({"do": "fault", "device": "lamps", "name": "leak", "how": "once"}, "has no fault 'leak'"),
        ({"do": "pin", "card": "../terminal"}, "Nobody here knows the PIN"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said(guest: Guest, deed: dict[str, object], says: str) -> None:
    """As a sentence for the person at the page."""
    answer = guest.do(deed)
    assert answer.status == 409
    assert says in answer.json["error"]


def test_a_card_has_its_pin_letter(guest: Guest) -> None:
    """The PIN is told to whoever asks at the page, from the file beside the card."""
    assert guest.done({"do": "pin", "card": "card-1"}) == {"pin": PIN}


def test_a_fault_once_and_for_good(guest: Guest) -> None:
    """As it was chosen, it is shown to every browser; and it can be switched off again."""
    with guest.listening() as listener:
        for how in ("once", "stays", "off"):
            guest.done({"do": "fault", "device": "lamps", "name": "dark", "how": how})
            listener.until(lambda one, how=how: fault(one, "lamps", "dark") == how, f"the lamps' fault {how}")


def fault(listener: Listener, device: str, name: str) -> str:
    faults = listener.now.get("faults", [])
    return next((str(one["how"]) for one in faults if (one["device"], one["name"]) == (device, name)), "")


def test_the_machine_is_told_to_end(bank: RealBank, tmp_path: Path) -> None:
    """SIGTERM ends it at once though a browser listens, and nothing is left listening."""
    kiosk = RealKiosk.enrolled(bank, tmp_path / "kiosk")
    with with_page(kiosk) as (living, guest), guest.listening() as listener:
        listener.until(lambda one: "power" in one.now, "news")
        assert living.kill(signal.SIGTERM) == 0
        with pytest.raises(ConnectionRefusedError):
            guest.get("")


def test_many_guests_do_not_stop_it(guest: Guest) -> None:
    """Beyond a fixed number further ones are sent away, and the place of one who leaves is free again."""
    silent = [socket.create_connection(("127.0.0.1", guest.port)) for _ in range(40)]
    try:
        for _ in range(20):
            silent.pop().close()
        for _ in range(200):
            try:
                if guest.get("").status == 200:
                    break
            except (ConnectionError, OSError):
                continue
        assert guest.get("page.css").status == 200
    finally:
        for one in silent:
            one.close()


def test_a_power_cut_and_a_start(bank: RealBank, tmp_path: Path) -> None:
    """Everything that ran is gone, the notes are where they were; the next start is a new boot of the same machine."""
    kiosk = RealKiosk.enrolled(bank, tmp_path / "kiosk")
    kiosk.load(top=5, middle=0, bottom=0)
    with with_page(kiosk) as (living, guest), guest.listening() as listener:
        listener.until_screen("welcome")
        guest.done({"do": "power", "on": False})
        guest.done({"do": "power", "on": False})
        listener.until(lambda one: not one.now["power"]["on"], "the power is off")
        assert listener.now["screen"] == {"id": "", "words": []}
        assert guest.do({"do": "load", "notes": 9}).json == {"error": "the power is off; start the machine first"}
        assert guest.do({"do": "clear-path"}).status == 409
        guest.done({"do": "line", "cut": True})
        guest.done({"do": "line", "cut": False})
        guest.done({"do": "press", "key": "5"})
        guest.done({"do": "touch", "x": 5, "y": 5})
        guest.done({"do": "power", "on": True})
        listener.until_screen("welcome")
        listener.until(lambda one: [each["kind"] for each in one.heard["journal"]].count("booted") == 2, "two boots")
        numbers = [one["number"] for one in listener.heard["journal"]]
        assert numbers == sorted(set(numbers))
        top = {"name": "top", "value": 50, "notes": 5, "stuck": 0, "rejected": 0, "counted": 5}
        listener.until(lambda one: one.now["cassettes"][0] == top, "the counts of before")
        assert living.kill(signal.SIGTERM) == 0


def test_a_start_that_fails_is_said_on_the_page(bank: RealBank, tmp_path: Path) -> None:
    """The power stays off, the reason stands there, and after it is mended the machine starts."""
    kiosk = RealKiosk.enrolled(bank, tmp_path / "kiosk")
    auth = kiosk.directory / "terminal.auth"
    with with_page(kiosk) as (_, guest), guest.listening() as listener:
        listener.until(lambda one: bool(one.now.get("service")), "the machine's state")
        guest.done({"do": "power", "on": False})
        auth.rename(tmp_path / "away")
        guest.done({"do": "power", "on": True})
        listener.until(lambda one: "terminal.auth" in one.now["power"]["why"], "why it does not start")
        assert listener.now["power"]["on"] is False
        (tmp_path / "away").rename(auth)
        guest.done({"do": "power", "on": True})
        listener.until(lambda one: one.now["power"] == {"on": True, "why": ""}, "the power")
