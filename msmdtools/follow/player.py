"""An alignment as one HTML file that a browser plays: pages, sound, and a cursor that follows.

Everything is in the file, pages as PNG and sound as MP3, and its content security policy forbids the
browser to load anything else. The script only reads the table of moments; it knows no music.
"""

import base64
import html
import io
import json
import re
import tempfile
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.features.spectrogram import SAMPLE_RATE
from msmdtools.follow import bars
from msmdtools.follow.alignment import Alignment
from msmdtools.version import __version__

# Samples per call: libsndfile's encoders keep what they are given on the stack.
_BLOCK = 65_536
_PEAK = 0.9


def page(alignment: Alignment, sound: Iterable[NDArray[np.int16]], title: str) -> bytes:
    """Return an alignment as an HTML file with its pages, its sound and a cursor that follows.

    Args:
        alignment: the alignment.
        sound: samples of the recording in blocks, int16, mono, 22,050 Hz.
        title: what is played, as plain text.

    Returns:
        The content of the file.
    """
    kind, encoded = encode(sound)
    content = {
        "sound": {"type": kind, "base64": base64.b64encode(encoded).decode()},
        "pages": [_picture(alignment, number) for number in _pages(alignment)],
        "systems": _systems(alignment),
        "moments": _moments(alignment),
        "bars": [[row["second"], row["number"]] for row in bars.rows(alignment) if row["number"]],
    }
    # Inside of a script element, "<" could end it.
    data = json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")
    template = files("msmdtools.follow").joinpath("player.html").read_text("utf-8")
    filled = {"title": html.escape(title), "version": __version__, "data": data}
    return re.sub(r"\{\{(\w+)\}\}", lambda match: filled[match[1]], template).encode()


def encode(sound: Iterable[NDArray[np.int16]]) -> tuple[str, bytes]:
    """Return the sound as a file for browsers, with its media type: MP3, or Ogg Vorbis without an MP3 encoder.

    It is brought to full level, as the pieces of a dataset are rendered so that the loudest one fits. MP3 has
    a constant bit rate, by which browsers find a second in it exactly.
    """
    import soundfile

    buffer = io.BytesIO()
    options: dict[str, Any] = {"format": "OGG", "subtype": "VORBIS"}
    if "MP3" in soundfile.available_formats():
        options = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT"}
    loudest = 1.0
    # The level is known at the end only: until then the samples wait on the disk.
    with tempfile.TemporaryFile() as samples:
        for block in sound:
            loudest = max(loudest, float(np.abs(block.astype(np.float32)).max(initial=0)))
            samples.write(block.astype("<i2").tobytes())
        samples.seek(0)
        louder = np.float32(_PEAK / loudest)
        with soundfile.SoundFile(buffer, "w", SAMPLE_RATE, 1, **options) as file:
            while content := samples.read(2 * _BLOCK):
                file.write(np.frombuffer(content, "<i2").astype(np.float32) * louder)
    return "audio/mpeg" if options["format"] == "MP3" else "audio/ogg", buffer.getvalue()


def _pages(alignment: Alignment) -> list[int]:
    return list(range(1, int(alignment.axis.page.max()) + 1))


def _picture(alignment: Alignment, number: int) -> dict[str, Any]:
    """Return a page in the best resolution there is, and its size in the px in which places are given."""
    from msmdtools.paper.strip import encode_png

    picture, (width, height) = alignment.axis.sharp(number)
    encoded = base64.b64encode(encode_png(np.ascontiguousarray(picture))).decode()
    return {"width": round(width, 1), "height": round(height, 1), "png": encoded}


def _systems(alignment: Alignment) -> list[dict[str, Any]]:
    """Return the page of each system, its box, and the height of its staves."""
    axis = alignment.axis
    columns = (
        axis.page.tolist(),
        axis.boxes().round(1).tolist(),
        axis.heights().round(1).tolist(),
    )
    names = ("page", "box", "height")
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _moments(alignment: Alignment) -> list[list[float]]:
    """Return for each moment: second, number in `systems`, x, y, px a second, and px down per px to the right.

    The number is -1 where the sheet does not have the music.
    """
    axis, places = alignment.axis, alignment.places
    system = axis.at(places.system)
    ahead = axis.places(np.minimum(alignment.strip + 1, axis.begins[system + 1] - 1e-6))
    behind = axis.places(np.maximum(alignment.strip - 1, axis.begins[system]))
    across = np.maximum(ahead.x - behind.x, 1e-3)
    speed = alignment.speed * across / 2
    columns = (
        alignment.second.round(3).tolist(),
        np.where(alignment.on_sheet, system, -1).tolist(),
        places.x.round(1).tolist(),
        places.y.round(1).tolist(),
        speed.round(1).tolist(),
        ((ahead.y - behind.y) / across).round(4).tolist(),
    )
    return [list(row) for row in zip(*columns, strict=True)]
