"""Where the sounds of General MIDI's percussion stand on a percussion staff."""

# Step and octave as in a treble clef, and the note head, by MIDI pitch.
_CROSS, _DIAMOND, _TRIANGLE = "x", "diamond", "triangle"
PLACES: dict[int, tuple[str, int, str]] = {
    35: ("E", 4, ""),
    36: ("F", 4, ""),
    37: ("C", 5, _CROSS),
    38: ("C", 5, ""),
    39: ("C", 5, _TRIANGLE),
    40: ("C", 5, _DIAMOND),
    41: ("G", 4, ""),
    42: ("G", 5, _CROSS),
    43: ("A", 4, ""),
    44: ("D", 4, _CROSS),
    45: ("B", 4, ""),
    46: ("G", 5, _DIAMOND),
    47: ("D", 5, ""),
    48: ("E", 5, ""),
    49: ("A", 5, _CROSS),
    50: ("F", 5, ""),
    51: ("F", 5, _CROSS),
    52: ("B", 5, _CROSS),
    53: ("F", 5, _DIAMOND),
    54: ("E", 5, _TRIANGLE),
    55: ("B", 5, _DIAMOND),
    56: ("E", 5, _DIAMOND),
    57: ("A", 5, _DIAMOND),
    58: ("D", 5, _DIAMOND),
    59: ("F", 5, _TRIANGLE),
}
_STEPS = "CDEFGAB"


def place_of(pitch: int) -> tuple[str, int, str]:
    """Step, octave and note head ("" for the usual one) of a percussion sound; others go by their pitch."""
    if pitch in PLACES:
        return PLACES[pitch]
    octave, step = divmod(pitch % 14 + 30, 7)
    return _STEPS[step], octave, _TRIANGLE
