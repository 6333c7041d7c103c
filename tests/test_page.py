"""Drawing on the page in a real browser: mouse, fingers, keyboard and undo."""

import pytest

INKED = "([x, y]) => paper.getImageData(x * SIDE, y * SIDE, 1, 1).data[3] > 0"
LENGTHS = "strokes.map(stroke => stroke.length)"  # the points of each stroke

pytest_plugins = ["browser"]
pytestmark = pytest.mark.browser


def test_only_the_first_finger_and_the_left_button_draw(page, on_board, touch):
    page.mouse.click(*on_board(0.1, 0.2), button="right")
    page.mouse.click(*on_board(0.6, 0.5))
    touch("touchStart", 1, 0.3, 0.2)
    touch("touchStart", 2, 0.8, 0.8)
    touch("touchMove", 2, 0.8, 0.9)
    touch("touchEnd", 2, 0.8, 0.9)
    touch("touchMove", 1, 0.3, 1.2)  # below the board
    touch("touchEnd", 1, 0.3, 1.2)
    assert page.evaluate("Math.max(...strokes.flat(2)) === SIDE")
    for place in ((0.3, 0.2), (0.3, 0.5), (0.3, 0.7), (0.6, 0.5)):
        assert page.evaluate(INKED, place)
    for place in ((0.1, 0.2), (0.8, 0.8), (0.8, 0.9), (0.45, 0.6)):
        assert not page.evaluate(INKED, place)
    page.click("#clear")
    assert not page.evaluate(INKED, (0.3, 0.5))


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=8)
    page.mouse.up()


def test_selected_text_does_not_stop_a_stroke(page, on_board):
    title = page.locator("h1").bounding_box()
    drag(page, (title["x"] + 40, title["y"] + 10), on_board(0.5, 0.9))
    assert page.evaluate("String(getSelection())") == ""
    assert page.evaluate("strokes") == []
    page.evaluate("document.body.style.userSelect = 'text'")
    page.evaluate("find('main').style.userSelect = 'text'")
    page.keyboard.press("Control+a")
    assert "Draw a digit" in page.evaluate("String(getSelection())")
    drag(page, on_board(0.3, 0.2), on_board(0.3, 0.8))
    assert page.evaluate(INKED, (0.3, 0.78))
    assert page.evaluate(LENGTHS) == [10]


def test_move_without_coalesced_events_draws(page, on_board):
    page.evaluate("PointerEvent.prototype.getCoalescedEvents = () => []")
    drag(page, on_board(0.3, 0.2), on_board(0.3, 0.8))
    assert page.evaluate(LENGTHS) == [10]


def test_undo_takes_back_strokes_and_a_clear(page, draw):
    draw(4)
    first, second = page.evaluate(LENGTHS)
    page.click("#clear")
    assert page.evaluate(LENGTHS) == []
    page.locator("#guess", has_text="?").wait_for(timeout=5000)  # milliseconds
    page.keyboard.press("Control+z")
    assert page.evaluate(LENGTHS) == [first, second]
    assert page.evaluate(INKED, (0.4, 0.55))
    page.click("#undo")
    assert page.evaluate(LENGTHS) == [first]
    page.click("#undo")
    page.click("#undo")
    page.click("#undo")
    assert page.evaluate(LENGTHS) == []


def test_stroke_of_many_points_has_no_gap_when_it_is_drawn_again(page):
    page.evaluate("left = [SIDE / 5, SIDE / 5]; beginStroke(left)")
    page.evaluate("while (strokes[0].length < PATH_POINTS) addPoint(left)")
    page.evaluate("addPoint([SIDE * 0.8, SIDE / 5]); show(strokes)")
    assert page.evaluate(INKED, (0.5, 0.2))


def test_keyboard_draws_and_the_page_answers_after_a_pause(page):
    page.clock.pause_at("2100-01-01")
    page.reload()  # a timer from before would announce that nothing is drawn
    page.evaluate("addEventListener('keydown', e => { handled = e.defaultPrevented; })")
    page.locator("#board").press(" ")
    assert page.text_content("#live") == "Pen down"
    assert page.is_visible("#pen")
    for _ in range(12):
        page.clock.run_for(90)  # milliseconds
        page.keyboard.press("ArrowDown")
    assert page.evaluate(INKED, (0.5, 0.5))  # while the pen is still down
    for keys in ("Alt+c", "Control+c", "Alt+ArrowLeft", "Control+ArrowDown", "Alt+ "):
        page.keyboard.press(keys)
        assert page.evaluate("[handled, strokes[0].length, penIsDown]") == [
            False,
            14,
            True,
        ]
    assert page.text_content("#guess") == "?"
    page.clock.run_for(110)
    assert page.text_content("#guess") == "1"
    page.clock.run_for(600)
    assert page.text_content("#live").startswith("1, ")
    page.keyboard.press("Tab")
    assert page.text_content("#live") == "Pen up"
    page.keyboard.press("c")
    assert page.evaluate(LENGTHS) == [14]  # C clears only while the board has the focus
    page.locator("#board").press("c")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("[handled, strokes.length]") == [True, 0]
