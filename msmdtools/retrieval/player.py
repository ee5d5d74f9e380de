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

from msmdtools import __version__
from msmdtools.features.spectrogram import SAMPLE_RATE
from msmdtools.retrieval.alignment import Alignment

# Samples per call: libsndfile's encoders keep what they are given on the stack.
_BLOCK = 65_536
_PEAK = 0.9


def page(alignment: Alignment, sound: Iterable[NDArray[np.int16]], title: str) -> bytes:
    """The HTML file.

    Args:
        sound: of the recording, mono, 22,050 Hz, in blocks.
        title: what is played, as plain text.
    """
    kind, encoded = encode(sound)
    content = {
        "sound": {"type": kind, "base64": base64.b64encode(encoded).decode()},
        "pages": [_picture(alignment, number) for number in _pages(alignment)],
        "systems": _systems(alignment),
        "moments": _moments(alignment),
    }
    # Inside of a script element, "<" could end it.
    data = json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")
    template = files("msmdtools.retrieval").joinpath("player.html").read_text("utf-8")
    filled = {"title": html.escape(title), "version": __version__, "data": data}
    return re.sub(r"\{\{(\w+)\}\}", lambda found: filled[found[1]], template).encode()


def encode(sound: Iterable[NDArray[np.int16]]) -> tuple[str, bytes]:
    """The sound as a file for browsers, with its media type: MP3, or Ogg Vorbis without an encoder for it.

    It is brought to full level: pieces of a dataset are rendered so that the loudest fit. MP3 has a
    constant bit rate, by which browsers find a second in it exactly.
    """
    import soundfile  # type: ignore[import-untyped]  # it has no types

    buffer = io.BytesIO()
    options: dict[str, Any] = {"format": "OGG", "subtype": "VORBIS"}
    if "MP3" in soundfile.available_formats():
        options = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT"}
    loudest = 1.0
    # The level is known at the end only: until then the samples wait on the disk.
    with tempfile.TemporaryFile() as kept:
        for block in sound:
            loudest = max(loudest, float(np.abs(block.astype(np.float32)).max(initial=0)))
            kept.write(block.astype("<i2").tobytes())
        kept.seek(0)
        louder = np.float32(_PEAK / loudest)
        with soundfile.SoundFile(buffer, "w", SAMPLE_RATE, 1, **options) as file:
            while content := kept.read(2 * _BLOCK):
                file.write(np.frombuffer(content, "<i2").astype(np.float32) * louder)
    return "audio/mpeg" if options["format"] == "MP3" else "audio/ogg", buffer.getvalue()


def _pages(alignment: Alignment) -> list[int]:
    return list(range(1, int(alignment.axis.page.max()) + 1))


def _picture(alignment: Alignment, number: int) -> dict[str, Any]:
    from msmdtools.snippets.strip import encode_png

    picture = np.ascontiguousarray(alignment.axis.picture(number))
    height, width = picture.shape
    encoded = base64.b64encode(encode_png(picture)).decode()
    return {"width": width, "height": height, "png": encoded}


def _systems(alignment: Alignment) -> list[dict[str, Any]]:
    axis = alignment.axis
    return [
        {"page": page, "box": box}
        for page, box in zip(axis.page.tolist(), axis.boxes().round(1).tolist(), strict=True)
    ]


def _moments(alignment: Alignment) -> list[list[float]]:
    """Second, number of the system in `systems`, x, and px a second on the page."""
    places = alignment.places
    system = np.searchsorted(alignment.axis.system, places.system)
    boxes = alignment.axis.boxes()
    scale = (boxes[:, 2] - boxes[:, 0]) / np.diff(alignment.axis.begins)
    speed = alignment.speed * scale[system]
    columns = (
        alignment.second.round(3).tolist(),
        system.tolist(),
        places.x.round(1).tolist(),
        speed.round(1).tolist(),
    )
    return [list(row) for row in zip(*columns, strict=True)]
