"""The player in a real browser: keys, speed, loop, clicks, and a cursor that can be seen and moves."""

import os
import shutil

import numpy as np
import pytest
from processes import wait_for
from test_retrieval_pages import ASKEW, page, photographed

from msmdtools.follow import axis, player
from msmdtools.follow.alignment import Alignment
from msmdtools.inputs import pages

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 30

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser():
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        message = f"no browser on PATH ({', '.join(BROWSERS)}): run `make browser`"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        # Its own sandbox wants another user than root; the page is ours.
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The player of a page photographed from a corner, with half a minute of a tone."""
    picture, _ = photographed(page(), *ASKEW["from a corner, turned"])
    strip = axis.axis(pages.make_sheet([picture], "p"))
    seconds = np.arange(0, SECONDS, 0.1)
    speed = np.full(len(seconds), strip.length / SECONDS)
    told = Alignment(strip, seconds, seconds * speed, speed, np.ones(len(seconds)))
    tone = (3000 * np.sin(np.arange(SECONDS * 22_050) / 20)).astype(np.int16)
    path = tmp_path_factory.mktemp("player") / "player.html"
    path.write_bytes(player.page(told, [tone], "A <b> title"))
    return path


@pytest.fixture
def shown(browser, file):
    """The player in a new window of the browser; scripts that fail are a failure."""
    tab = browser.new_page(viewport={"width": 1100, "height": 900})
    wrong = []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    tab.goto(file.as_uri())
    wait_for(lambda: sound(tab, "readyState") >= 1)
    yield tab
    tab.close()
    assert wrong == []


def sound(tab, what):
    return tab.evaluate(f"document.getElementById('sound').{what}")


def test_keys_go_back_and_ahead_change_the_speed_and_set_a_loop(shown):
    keys = shown.keyboard
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    assert sound(shown, "currentTime") == pytest.approx(10, abs=0.1)
    keys.press("ArrowLeft")
    assert sound(shown, "currentTime") == pytest.approx(5, abs=0.1)
    keys.press("]")
    assert sound(shown, "playbackRate") == 1.25
    assert shown.locator("#speed").input_value() == "1.25"
    for key in ("l", "ArrowRight", "l"):
        keys.press(key)
    assert shown.locator("#loop").inner_text() == "loop: 5.0 s to 10.0 s"
    keys.press("l")
    assert shown.locator("#loop").inner_text() == "loop: off"


def test_the_cursor_is_where_the_sound_is_and_a_click_goes_there(shown):
    assert shown.title() == "A <b> title"
    cursor = shown.locator("#cursor")
    wait_for(lambda: shown.locator("#where").inner_text() == "page 1, system 1")
    first = cursor.bounding_box()
    assert first["width"] == 3
    assert first["height"] > 80
    shown.keyboard.press("ArrowRight")
    wait_for(lambda: cursor.bounding_box()["x"] > first["x"] + 1)
    # Where the cursor was: back to the beginning.
    shown.mouse.click(first["x"] + 1, first["y"] + first["height"] / 2)
    assert sound(shown, "currentTime") < 1


def test_it_plays(shown):
    shown.keyboard.press(" ")
    wait_for(lambda: sound(shown, "currentTime") > 0.3)
    shown.keyboard.press(" ")
    assert sound(shown, "paused")
