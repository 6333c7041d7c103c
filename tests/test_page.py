"""Drawing on the page in a real browser: mouse, fingers, keyboard and undo."""

import pytest

INKED = "([x, y]) => paper.getImageData(x * SIDE, y * SIDE, 1, 1).data[3] > 0"
LENGTHS = "strokes.map(stroke => stroke.length)"  # the points of each stroke

pytest_plugins = ["browser"]
pytestmark = pytest.mark.browser


@pytest.fixture
def on_board(page):
    """Return a function from a place on the board (0 to 1) to a place in the window."""
    box = page.locator("#board").bounding_box()
    return lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])


def test_only_the_first_finger_and_the_left_button_draw(page, on_board):
    session = page.context.new_cdp_session(page)

    def touch(event, finger, *place):
        x, y = on_board(*place)
        points = [{"id": finger, "x": x, "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": event, "touchPoints": points})

    page.mouse.click(*on_board(0.1, 0.2), button="right")
    touch("touchStart", 1, 0.3, 0.2)
    touch("touchStart", 2, 0.8, 0.8)
    touch("touchMove", 2, 0.8, 0.9)
    touch("touchEnd", 2, 0.8, 0.9)
    touch("touchMove", 1, 0.3, 1.2)  # below the board
    touch("touchEnd", 1, 0.3, 1.2)
    assert page.evaluate("Math.max(...strokes.flat(2)) === SIDE")
    assert page.evaluate(INKED, (0.3, 0.7))
    assert not page.evaluate(INKED, (0.1, 0.2))
    assert not page.evaluate(INKED, (0.8, 0.9))


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=8)
    page.mouse.up()


def test_selected_text_and_empty_lists_of_events_do_not_stop_a_stroke(page, on_board):
    title = page.locator("h1").bounding_box()
    drag(page, (title["x"] + 40, title["y"] + 10), on_board(0.5, 0.9))
    assert page.evaluate("[String(getSelection()), strokes.length]") == ["", 0]
    page.evaluate("main.style.userSelect = 'text'")
    page.keyboard.press("Control+a")
    assert "Draw a digit" in page.evaluate("String(getSelection())")
    page.evaluate("PointerEvent.prototype.getCoalescedEvents = () => []")
    drag(page, on_board(0.3, 0.2), on_board(0.3, 0.8))
    assert page.evaluate("[strokes[0].length, isDrawing]") == [10, False]
    assert page.evaluate(INKED, (0.3, 0.78))


def test_undo_takes_back_strokes_and_a_clear(page):
    page.evaluate("beginStroke([9, 9]); beginStroke([99, SIDE / 2])")
    page.evaluate("while (strokes[1].length < PATH_POINTS) addPoint([99, SIDE / 2])")
    page.evaluate("addPoint([999, SIDE / 2])")
    page.click("#clear")
    page.click("#clear")
    assert page.evaluate(LENGTHS) == []
    page.keyboard.press("Control+z")
    assert page.evaluate(LENGTHS) == [2, 101]
    assert page.evaluate(INKED, (0.5, 0.5))  # also where two paths meet
    for rest in ([2], [], []):
        page.click("#undo")
        assert page.evaluate(LENGTHS) == rest
    assert not page.evaluate(INKED, (0.5, 0.5))


def test_keyboard_draws_and_the_page_answers_after_a_pause(page, on_board):
    page.wait_for_timeout(
        500
    )  # until the timer that the page started when it loaded has ended
    page.clock.pause_at("2100-01-01")
    page.evaluate("addEventListener('keydown', e => { handled = e.defaultPrevented; })")
    page.locator("#board").press(" ")
    assert page.text_content("#live") == "Pen down"
    assert page.is_visible("#pen")
    page.mouse.move(*on_board(0.9, 0.9))  # draws nothing
    for _ in range(12):
        page.clock.run_for(90)  # milliseconds
        page.keyboard.press("ArrowDown")
    for keys in ("Alt+c", "Control+c", "Control+ArrowDown", "Alt+ "):
        page.keyboard.press(keys)
        assert not page.evaluate("handled")
    assert not page.is_visible("#guess")
    page.clock.run_for(110)
    assert page.text_content("#live").startswith("1, 9")
    page.keyboard.press("Tab")
    page.keyboard.press("c")  # clears only while the board has the focus
    page.locator("#board").press("ArrowDown")  # the pen is up
    assert page.evaluate(LENGTHS) == [14]
    page.keyboard.press("c")
    assert page.evaluate("[handled, strokes.length]") == [True, 0]
