"""Make a note alignment with the package parangonar, where none is given.

parangonar matches a performance with a score that is played once from start to end. So the way of the performance
through the score is found first (`msmdtools.performed.way`), and the score is laid out along it: each stretch
with the numbers of its passes. What lies off the way is no part of the alignment, and thus not played.
"""

import sys
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.errors import ToolError
from msmdtools.perform.played import Played
from msmdtools.performed.alignment import NoteAlignment, Pair, insertions
from msmdtools.performed.way import way
from msmdtools.performed.written import WrittenNotes
from msmdtools.score import TICKS_PER_QUARTER

NAME = "parangonar"
_SCORE = [
    ("onset_beat", "f8"),
    ("duration_beat", "f8"),
    ("pitch", "i4"),
    ("is_grace", "?"),
    ("id", "U24"),
]
_PERFORMANCE = [
    ("onset_sec", "f8"),
    ("duration_sec", "f8"),
    ("pitch", "i4"),
    ("velocity", "i4"),
    ("id", "U24"),
]
# partitura, with which parangonar reads files, fetches a soundfont when it is imported beside pyfluidsynth, and
# fails without a network.
_HIDDEN = "fluidsynth"


def align(played: Played, written: WrittenNotes) -> NoteAlignment:
    """Align a performance with the written music of a piece.

    Raises:
        ToolError: parangonar is not installed.
    """
    matcher = _matcher()
    along = _along(played, written)
    score, keys = _score_notes(written, along)
    performance = np.array(
        [
            (note.onset_s, note.offset_s - note.onset_s, note.pitch, note.velocity, str(number))
            for number, note in enumerate(played.notes)
        ],
        _PERFORMANCE,
    )
    pairs, taken = [], set()
    for row in matcher(score, performance):
        if "score_id" not in row:
            continue
        note = int(row["performance_id"]) if "performance_id" in row else -1
        if note in taken:  # it is matched with two written notes: with one of them it is enough
            note = -1
        taken |= {note} - {-1}
        pairs.append(Pair("", note, written=keys[int(row["score_id"])]))
    return NoteAlignment(NAME, played, (*pairs, *insertions(pairs, played)))


def _matcher() -> Any:
    """parangonar's standard matcher of scores with performances.

    Raises:
        ToolError: it is not installed.
    """
    modules: dict[str, Any] = sys.modules
    hidden = modules.get(_HIDDEN)
    try:
        modules[_HIDDEN] = None
        from parangonar import DualDTWNoteMatcher
    except ImportError as error:
        raise ToolError(
            f"a performance without a note alignment needs the package parangonar ({error}): pip install "
            '"msmdtools[match]", or name an alignment in the column alignment of the list'
        ) from error
    finally:
        modules.pop(_HIDDEN)
        if hidden is not None:
            modules[_HIDDEN] = hidden
    return DualDTWNoteMatcher()


def _along(played: Played, written: WrittenNotes) -> list[tuple[int, int, float]]:
    """The written notes along the way of the performance: (note, pass, quarter notes from the way's start)."""
    ticks = np.array([note.onset_tick for note in written.music.notes], np.int64)
    main = np.array([not grace for grace in written.grace], bool)
    times = np.unique(ticks[main]) if main.any() else np.unique(ticks)
    # A grace note belongs to the onset that it leads to.
    state = np.minimum(np.searchsorted(times, ticks), len(times) - 1)
    chords: list[set[int]] = [set() for _ in times]
    for number, note in enumerate(written.music.notes):
        chords[state[number]].add(note.pitch)
    begins = np.zeros(len(times), bool)
    begins[state[sorted(written.bar_starts)]] = True
    stretches = way(
        [frozenset(chord) for chord in chords], begins, [note.pitch for note in played.notes]
    )
    by_state: dict[int, list[int]] = {}
    for number, at in enumerate(state.tolist()):
        by_state.setdefault(at, []).append(number)
    passes: Counter[int] = Counter()
    notes, shift, end = [], 0.0, 0.0
    for stretch in stretches:
        start = float(times[stretch.first]) / TICKS_PER_QUARTER
        shift = end - start
        for at in range(stretch.first, stretch.last + 1):
            passes[at] += 1
            for number in by_state.get(at, ()):
                turn = passes[at] + written.turn[number] - 1
                notes.append((number, turn, float(times[at]) / TICKS_PER_QUARTER + shift))
        after = stretch.last + 1
        last = times[after] if after < len(times) else times[-1] + TICKS_PER_QUARTER
        end = float(last) / TICKS_PER_QUARTER + shift
    return notes


def _score_notes(
    written: WrittenNotes, along: list[tuple[int, int, float]]
) -> tuple[NDArray[np.void], list[tuple[int, int]]]:
    """The note array of parangonar, and the note and pass of each of its ids."""
    rows = []
    for identity, (number, _, onset) in enumerate(along):
        note = written.music.notes[number]
        length = (note.offset_tick - note.onset_tick) / TICKS_PER_QUARTER
        grace = written.grace[number]
        rows.append((onset, 0.0 if grace else length, note.pitch, grace, str(identity)))
    array = np.array(rows, _SCORE)
    array = array[np.lexsort((array["duration_beat"], array["pitch"], array["onset_beat"]))]
    return array, [(number, turn) for number, turn, _ in along]
