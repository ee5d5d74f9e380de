"""The table of a training set: one row per onset and performance, a window of sheet beside one of audio."""

from msmdtools.base.table import Column, Table
from msmdtools.score import PIECE

SNIPPETS = Table(
    "snippets",
    "One row per onset and performance. All note heads that sound together are one onset.",
    ("piece", "performance", "onset"),
    (
        Column("snippet", "string", "", "id: piece/performance/onset"),
        PIECE,
        Column("performance", "string", "", "performance of the piece"),
        Column("split", "string", "", "train, valid or test"),
        Column("onset", "int32", "", "onset in the piece, from 0, in playing order"),
        Column("page", "int32", "", "page, from 1"),
        Column("system", "int32", "", "system in the piece, from 1"),
        Column("x", "float64", "px", "centre of the window on the page"),
        Column("y", "float64", "px", "centre of the window on the page: the middle of the system"),
        Column("strip_x", "float64", "px", "centre of the window in the strip of all systems"),
        Column("second", "float64", "s", "onset, from the start of the audio"),
        Column("frame", "int32", "", "frame of the spectrogram on which the window is centred"),
        Column("tempo", "float64", "", "speed; 2.0 is twice as fast as written"),
        Column("soundfont", "string", "", "name in the registry"),
        Column(
            "program", "int32", "", "General MIDI program of all parts; -1 if each part has its own"
        ),
        Column("composer", "string", "", "composer"),
        Column("licence", "string", "", "SPDX identifier of the edition's licence, or unknown"),
        Column(
            "heads",
            "int32",
            "",
            "number of printed heads at this onset; 0 if the onset has no head of its own",
        ),
        Column("pitches", "list<int32>", "MIDI number", "pitches of this onset, ascending"),
        Column(
            "window_pitches", "list<int32>", "MIDI number", "pitches of all notes in the window"
        ),
        Column(
            "window_offsets",
            "list<float32>",
            "s",
            "onsets of these notes relative to the snippet's onset, ascending",
        ),
        # Their types depend on the sizes asked for; the schema's metadata has the sizes.
        Column("sheet", "image", "grey levels", "PNG of the sheet window with its margin"),
        Column(
            "spectrogram", "spectrogram", "log magnitude", "float16 (92, frames) with its margin"
        ),
    ),
)
