"""The touch window: what a finger, a mouse and a keyboard do, what is drawn when, and how often it wakes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable

import pygame
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.every_screen import every_screen, usd
from support.touch_window import REGULAR, Hand, post, shown
from support.virtual_time import run_virtual

from kiosk.display.face import DisplayError, Look
from kiosk.display.pygame.brand import Brand
from kiosk.display.pygame.display import PygameDisplay
from kiosk.display.pygame.geometry import Box
from kiosk.display.pygame.layout.choices import MORE_DIGIT
from kiosk.display.pygame.panel import KNOWN, Panel, panel_for
from kiosk.display.pygame.render import Studio, render
from kiosk.display.pygame.scene import Scene, joined
from kiosk.screens import catalogue
from kiosk.screens.model import Choose
from kiosk.screens.words.load import load_words

WORDS = load_words()
SCREENS = every_screen(WORDS)
MENU, PIN, CASH, WELCOME = SCREENS["menu"], SCREENS["pin"], SCREENS["cash"], SCREENS["welcome"]
COMPACT = panel_for(800, 480)


@pytest.fixture(autouse=True)
def _headless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


def _display(panel: Panel = REGULAR, **options: object) -> PygameDisplay:
    return PygameDisplay(panel, Brand(), environment={}, still=bool(options.pop("still", True)), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [name for name, screen in SCREENS.items() if not name.startswith("account, five")])
def test_a_touch_in_the_middle_of_a_target_is_its_key(name: str) -> None:
    """On every screen, a finger on each target's middle gives that target's key, once; a closed card gives nothing."""

    async def visit() -> None:
        display = _display()
        display.show(SCREENS[name])
        with shown(display) as hand:
            await asyncio.sleep(0.2)
            for target in hand.studio.plan(SCREENS[name], Look(), REGULAR).targets:
                hand.keys.clear()
                hand.finger(target.box.centre)
                await asyncio.sleep(0.3)
                turned = isinstance(SCREENS[name], Choose) and target.key == MORE_DIGIT
                assert hand.keys == ([target.key] if target.enabled and not turned else [])

    run_virtual(visit())


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_turned_panel_shows_and_hears_the_same(degrees: int) -> None:
    """Turned by any quarter, the glass shows the turned picture and a finger means what it points at."""
    panel = panel_for(1280, 720, pitch=5.8)

    async def visit() -> None:
        display = _display(panel, degrees=degrees)
        display.show(MENU)
        with shown(display, panel) as hand:
            await asyncio.sleep(0.2)
            glass = pygame.display.get_surface()
            upright = pygame.transform.rotate(glass, degrees)
            assert pygame.image.tobytes(upright, "RGB") == hand.expected(MENU)
            for key in ("1", "2", "A", "C"):
                x, y = hand.place(MENU, key)
                corner = pygame.Surface((panel.width, panel.height))
                corner.set_at((x, y), (255, 255, 255))
                turned = pygame.mask.from_threshold(
                    pygame.transform.rotate(corner, -degrees), (255, 255, 255), (1, 1, 1, 255)
                )
                hand.finger(turned.get_bounding_rects()[0].center)
                await asyncio.sleep(0.3)
            assert hand.keys == ["1", "2", "A", "C"]

    run_virtual(visit())


def test_a_touch_counts_once() -> None:
    """The mouse event that a desktop makes of a touch is left out; a real mouse works, its other buttons do not."""

    async def visit() -> None:
        display = _display()
        display.show(MENU)
        with shown(display) as hand:
            await asyncio.sleep(0.2)
            at = hand.place(MENU, "2")
            hand.finger(at)
            hand.mouse(at, touch=True)
            await asyncio.sleep(0.3)
            assert hand.keys == ["2"]
            hand.mouse(at, button=3)
            await asyncio.sleep(0.3)
            hand.mouse(at)
            await asyncio.sleep(0.3)
            assert hand.keys == ["2", "2"]

    run_virtual(visit())


def test_a_keyboard_is_a_pad_only_in_the_simulator() -> None:
    """On a machine a keyboard does nothing; in the simulator digits, letters, Enter, Escape and Backspace are the pad."""

    async def typed(display: PygameDisplay) -> list[str]:
        display.show(PIN)
        with shown(display) as hand:
            await asyncio.sleep(0.2)
            for letter, key in [("5", 0), ("a", 0), ("*", 0), ("\r", pygame.K_RETURN), ("", pygame.K_ESCAPE)]:
                hand.type(letter, key)
                await asyncio.sleep(0.2)
            hand.type("\x08", pygame.K_BACKSPACE)
            hand.type("i", pygame.K_i)
            await asyncio.sleep(0.2)
            return list(hand.keys)

    other: list[str] = []
    assert run_virtual(typed(_display())) == []
    assert run_virtual(typed(_display(keyboard=True, other=other.append))) == ["5", "A", "*", "D", "A", "B"]
    assert other == ["i"]


def test_a_press_is_seen_before_the_next_screen() -> None:
    """The pressed card is drawn at once and stays for 120 ms, although the next screen is wanted at once."""

    async def visit() -> None:
        display = _display()
        display.show(MENU)
        with shown(display) as hand:
            display.listen(lambda key: display.show(CASH) if key == "1" else None)
            await asyncio.sleep(0.2)
            hand.finger(hand.place(MENU, "1"))
            await asyncio.sleep(0.05)
            assert hand.glass() == hand.expected(MENU, Look(pressed="1"))
            await asyncio.sleep(0.05)
            assert hand.glass() == hand.expected(MENU, Look(pressed="1"))
            await asyncio.sleep(0.08)
            assert hand.glass() == hand.expected(CASH)

    run_virtual(visit())


def test_a_second_touch_does_not_reach_the_next_screen() -> None:
    """While the press is shown and the next screen waits, touches mean nothing: no amount is chosen by a double tap."""

    async def visit() -> None:
        display = _display()
        display.show(MENU)
        with shown(display) as hand:
            heard: list[str] = []

            def listen(key: str) -> None:
                heard.append(key)
                display.show(CASH)

            display.listen(listen)
            await asyncio.sleep(0.2)
            hand.finger(hand.place(MENU, "1"))
            await asyncio.sleep(0.05)
            hand.finger(hand.place(MENU, "1"))
            await asyncio.sleep(0.04)
            assert heard == ["1"]
            await asyncio.sleep(0.3)
            hand.finger(hand.place(CASH, "2"))
            await asyncio.sleep(0.05)
            assert heard == ["1", "2"]

    run_virtual(visit())


def test_an_amount_follows_the_finger_at_once() -> None:
    """On AMOUNT the figure changes with the touch, not after the press has been shown."""

    async def visit() -> None:
        display = _display()
        empty, one = (catalogue.cash_other(WORDS, usd(10), usd(400), entered=entered) for entered in ("", "8"))
        display.show(empty)
        with shown(display) as hand:
            display.listen(lambda key: display.show(one))
            await asyncio.sleep(0.2)
            hand.finger(hand.place(empty, "8"))
            await asyncio.sleep(0.04)
            assert hand.glass() == hand.expected(one, Look(pressed="8"))
            await asyncio.sleep(0.2)
            assert hand.glass() == hand.expected(one)

    run_virtual(visit())


def test_the_glass_never_tells_a_digit_of_a_pin() -> None:
    """While a digit of a PIN is touched, the picture is the same whichever digit it was."""

    async def seen(digit: str) -> list[bytes]:
        display = _display()
        display.show(PIN)
        pictures = []
        with shown(display) as hand:
            display.listen(lambda key: display.show(catalogue.pin(WORDS, count=1)))
            await asyncio.sleep(0.2)
            hand.finger(hand.place(PIN, digit))
            for _ in range(12):
                await asyncio.sleep(0.017)
                pictures.append(hand.glass())
        return pictures

    first = run_virtual(seen("1"))
    assert first[-1] != pygame.image.tobytes(render(PIN, Look(), REGULAR, Brand()), "RGB")
    for digit in "05":
        assert run_virtual(seen(digit)) == first


def test_the_paper_slides_over_the_deep() -> None:
    """From deep to paper the stage comes in within 240 ms, and hears touches only when it is there; back is at once."""

    async def visit() -> None:
        display = _display(still=False)
        display.show(SCREENS["reading"])
        with shown(display) as hand:
            await asyncio.sleep(0.2)
            display.show(PIN)
            await asyncio.sleep(0.06)
            on_the_way = hand.glass()
            assert on_the_way not in {hand.expected(PIN), hand.expected(SCREENS["reading"])}
            hand.finger(hand.place(PIN, "A"))
            await asyncio.sleep(0.1)
            assert hand.keys == []
            await asyncio.sleep(0.15)
            assert hand.glass() == hand.expected(PIN)
            hand.finger(hand.place(PIN, "A"))
            await asyncio.sleep(0.05)
            assert hand.keys == ["A"]

    run_virtual(visit())


def test_reduced_motion_is_still() -> None:
    """With reduced motion nothing slides and nothing loops."""

    async def visit() -> None:
        display = _display(still=True)
        display.show(SCREENS["reading"])
        with shown(display) as hand:
            await asyncio.sleep(0.2)
            first = hand.glass()
            await asyncio.sleep(0.7)
            assert hand.glass() == first
            display.show(PIN)
            await asyncio.sleep(0.03)
            assert hand.glass() == hand.expected(PIN)

    run_virtual(visit())


def test_waves_move_and_come_back() -> None:
    """Without reduced motion the waves loop: another picture in between, the same one after 1.6 s."""

    async def visit() -> None:
        display = _display(still=False)
        display.show(SCREENS["reading"])
        with shown(display) as hand:
            await asyncio.sleep(0.06)
            pictures = []
            for _ in range(3):
                pictures.append(hand.glass())
                await asyncio.sleep(0.8)
            assert pictures[0] != pictures[1]
            assert pictures[0] == pictures[2]

    run_virtual(visit())


def _wakes(display: PygameDisplay, screen: object, seconds: float) -> int:
    ticks = 0
    tick = display.tick

    def counted(now: float) -> None:
        nonlocal ticks
        ticks += 1
        tick(now)

    display.tick = counted  # type: ignore[method-assign]

    async def rest() -> None:
        display.show(screen)  # type: ignore[arg-type]
        with shown(display):
            await asyncio.sleep(1)
            nonlocal ticks
            ticks = 0
            await asyncio.sleep(seconds)

    run_virtual(rest())
    return ticks


@pytest.mark.parametrize("name", ["welcome", "out, cash"])
def test_it_rests_when_nobody_is_there(name: str) -> None:
    """At rest the window wakes at most twelve times a second, reflection and all."""
    assert 5 <= _wakes(_display(still=False), SCREENS[name], 10) / 10 <= 12


def test_it_is_awake_in_a_visit() -> None:
    """While a customer is at the machine it looks for touches so often that a look and its drawing fit into a frame."""
    assert 75 <= _wakes(_display(), MENU, 2) / 2 <= 82


def test_a_card_at_rest_is_answered_at_once() -> None:
    """A screen shown while the window rests is drawn without waiting for its next look."""

    async def visit() -> None:
        display = _display()
        display.show(WELCOME)
        with shown(display) as hand:
            await asyncio.sleep(0.513)
            display.show(SCREENS["reading"])
            await asyncio.sleep(0.001)
            assert hand.glass() == hand.expected(SCREENS["reading"])

    run_virtual(visit())


def test_a_page_turns_in_the_display() -> None:
    """On a small panel 9 shows the next cards, by finger and by the real pad; their digits are heard as ever."""

    async def visit() -> None:
        display = _display(COMPACT)
        display.show(CASH)
        with shown(display, COMPACT) as hand:
            await asyncio.sleep(0.2)
            assert display.offer("1") is False
            hand.finger(hand.place(CASH, "9"))
            await asyncio.sleep(0.3)
            hand.finger(hand.place(CASH, "5", page=1))
            await asyncio.sleep(0.3)
            assert hand.keys == ["5"]
            assert display.offer("9") is True
            await asyncio.sleep(0.3)
            hand.finger(hand.place(CASH, "2"))
            await asyncio.sleep(0.3)
            assert hand.keys == ["5", "2"]
            display.show(MENU)
            await asyncio.sleep(0.3)
            assert display.offer("9") is False

    run_virtual(visit())


def test_contrast_is_switched_while_it_runs() -> None:
    """Help's contrast paints the screen that is shown anew, there and back."""

    async def visit() -> None:
        display = _display()
        display.show(MENU)
        with shown(display) as hand:
            await asyncio.sleep(0.2)
            display.contrast = True
            await asyncio.sleep(0.05)
            assert hand.glass() == hand.expected(MENU, contrast=True)
            display.contrast = False
            await asyncio.sleep(0.05)
            assert hand.glass() == hand.expected(MENU)

    run_virtual(visit())


def test_only_a_simulators_window_can_be_closed() -> None:
    """Without `closed` the window's frame does nothing; with it, it is told."""
    told: list[bool] = []

    async def close(display: PygameDisplay) -> None:
        display.show(MENU)
        with shown(display) as hand:
            await asyncio.sleep(0.1)
            post(pygame.QUIT)
            await asyncio.sleep(0.1)
            hand.finger(hand.place(MENU, "1"))
            await asyncio.sleep(0.1)
            assert hand.keys == ["1"]

    run_virtual(close(_display()))
    run_virtual(close(_display(closed=lambda: told.append(True))))
    assert told == [True]


def test_the_first_picture_is_told_once() -> None:
    """`drawn` is called after the first picture, which is what a service manager waits for."""
    told: list[float] = []

    async def visit() -> None:
        display = _display(drawn=lambda: told.append(asyncio.get_running_loop().time()))
        display.show(SCREENS["starting"])
        with shown(display):
            await asyncio.sleep(0.5)
            display.show(MENU)
            await asyncio.sleep(0.5)

    run_virtual(visit())
    assert told == [0.0]


def test_no_display_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be opened, run() ends with a sentence that names the way out."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "none such")

    async def visit() -> None:
        display = _display()
        display.show(MENU)
        with pytest.raises(DisplayError, match="terminal display"):
            await display.run()
        display.close()
        display.close()

    run_virtual(visit())


def test_a_count_paints_only_itself() -> None:
    """A counted note, a PIN's ring and a second less change a small part of the panel, not all of it."""
    surface = pygame.Surface((REGULAR.width, REGULAR.height))
    scene = Scene(Studio(Brand()), REGULAR, surface, still=True)
    steps: list[tuple[object, Look, object, Look]] = [
        (catalogue.cash_count(WORDS, 1, 9), Look(), catalogue.cash_count(WORDS, 2, 9), Look()),
        (catalogue.pin(WORDS, count=1), Look(), catalogue.pin(WORDS, count=2), Look()),
        (SCREENS["take.card"], Look(left_s=9), SCREENS["take.card"], Look(left_s=8)),
    ]
    for number, (before, look, after, later) in enumerate(steps):
        scene.want(before, look)  # type: ignore[arg-type]
        scene.advance(number)
        scene.want(after, later)  # type: ignore[arg-type]
        boxes = scene.advance(number + 0.5)
        assert 0 < sum(box.w * box.h for box in boxes) < 0.05 * REGULAR.width * REGULAR.height
        assert scene.advance(number + 0.6) == []


STUDIOS = {contrast: Studio(Brand(), contrast=contrast) for contrast in (False, True)}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(KNOWN[:2]),
    st.lists(
        st.tuples(
            st.sampled_from(sorted(SCREENS)),
            st.sampled_from(["", "1", "2", "A", "D"]),
            st.sampled_from(["", "1", "B", "D"]),
            st.sampled_from([None, 20, 7]),
        ),
        min_size=2,
        max_size=6,
    ),
)
def test_painting_what_changed_gives_the_whole_picture(
    panel: Panel, steps: list[tuple[str, str, str, int | None]]
) -> None:
    """However screens, presses, focus and time follow one another, the panel looks as if painted anew."""
    surface = pygame.Surface((panel.width, panel.height))
    scene = Scene(STUDIOS[False], panel, surface, still=True)
    for number, (name, pressed, focus, left) in enumerate(steps):
        look = Look(pressed=pressed, focus=focus, left_s=left)
        scene.want(SCREENS[name], look)
        scene.advance(float(number))
        whole = render(SCREENS[name], look, panel, Brand(), studio=STUDIOS[False])
        assert pygame.image.tobytes(surface, "RGB") == pygame.image.tobytes(whole, "RGB")


@given(st.lists(st.tuples(*(st.integers(0, 30) for _ in range(4))), max_size=12))
def test_joined_boxes_cover_the_same_and_are_apart(raw: list[tuple[int, int, int, int]]) -> None:
    """Dirty boxes that meet become one; nothing is lost, and no two of the rest meet."""
    boxes = [Box(*four) for four in raw]
    merged = joined(boxes)
    assert all(any(one.holds(box) for one in merged) for box in boxes if box.w and box.h)
    assert not any(one.meets(other) for place, one in enumerate(merged) for other in merged[:place])


def test_importing_the_display_prints_nothing() -> None:
    """Pygame's greeting would spoil what a command prints."""
    code = "import kiosk.display.pygame.display"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def _later(then: Callable[[], None]) -> Callable[[str], None]:
    return lambda _key: then()


def test_closing_from_a_touch_ends_the_task() -> None:
    """A press whose answer closes the display (quit) ends run() cleanly."""

    async def visit() -> None:
        display = _display()
        display.show(MENU)
        hand = Hand(display, REGULAR)
        display.listen(_later(display.close))
        task = asyncio.get_running_loop().create_task(display.run())
        await asyncio.sleep(0.1)
        hand.finger(hand.place(MENU, "1"))
        await asyncio.wait_for(task, 1)

    run_virtual(visit())
