"""The player in a real browser: keys, speed, loop, and a cursor that can be seen."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from test_retrieval_pages import ASKEW, page, photographed

from msmdtools.follow import axis, player
from msmdtools.follow.alignment import Alignment
from msmdtools.inputs import pages

PROBE = """<script>
const probe = () => {
  const key = (name) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
  const found = {};
  key("ArrowRight"); key("ArrowRight");
  found.ahead = player.currentTime;
  key("ArrowLeft");
  found.back = player.currentTime;
  key("]");
  found.rate = player.playbackRate;
  key("l"); key("ArrowRight"); key("l");
  found.loop = button.textContent;
  key("ArrowLeft");
  draw();
  const { width, height } = cursor.getBoundingClientRect();
  Object.assign(found, { title: document.title, where: where.textContent, width, height });
  const said = document.createElement("pre");
  said.id = "found";
  said.textContent = JSON.stringify(found);
  document.body.append(said);
};
if (player.readyState >= 1) probe();
else player.addEventListener("loadedmetadata", probe);
</script></body>"""


@pytest.mark.slow
def test_the_player_in_chromium(tmp_path):
    """A page photographed from a corner, half a minute of a tone."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip(f"no browser on PATH ({', '.join(names)})")
    picture, _ = photographed(page(), *ASKEW["from a corner, turned"])
    strip = axis.axis(pages.make_sheet([picture], "p"))
    seconds = np.arange(0, 30, 0.1)
    speed = np.full(len(seconds), strip.length / 30)
    found = Alignment(strip, seconds, seconds * speed, speed, np.ones(len(seconds)))
    tone = (3000 * np.sin(np.arange(30 * 22_050) / 20)).astype(np.int16)
    made = player.page(found, [tone], "A <b> title").decode()
    (tmp_path / "player.html").write_text(made.replace("</body>", PROBE))
    command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1100,900"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=20000"]
    command += ["--dump-dom", (tmp_path / "player.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    said = re.search(r'<pre id="found">(.*?)</pre>', done.stdout)
    assert said, done.stderr[-2000:]
    seen = json.loads(said[1].replace("&lt;", "<").replace("&gt;", ">"))
    assert (seen["ahead"], seen["back"]) == pytest.approx((10, 5), abs=0.1)
    assert seen["rate"] == 1.25
    assert seen["loop"] == "loop: 5.0 s to 10.0 s"
    assert (seen["title"], seen["where"]) == ("A <b> title", "page 1, system 1")
    assert seen["width"] == 3
    assert seen["height"] > 80
