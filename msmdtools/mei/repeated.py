"""Measure repeats: the notes that a sign stands for, as further sounds of its bar.

A sign for one bar repeats the bar before it in its staff: the same layer if the bar has others, else all
layers. Signs for several bars repeat as many, over the following bars, as far as these are empty. What was
repeated can be repeated again. Notes that are tied within the music are tied again; a note that continues one
from before it is struck.
"""

from collections.abc import Sequence
from dataclasses import replace

from msmdtools.mei.notes import Bar, Sign, Sound


def repeat(bars: Sequence[Bar]) -> None:
    """Add to all bars what their signs stand for."""
    lasting: list[tuple[Sign, int]] = []
    for bar in bars:
        signed = {(sign.home, sign.layer) for sign in bar.signs}
        for sign, _ in lasting:
            written = any(s.home == sign.home for s in bar.sounds)
            if not written and (sign.home, sign.layer) not in signed:
                _copy_bar(bars, bar, sign)
        lasting = [
            (sign, left - 1)
            for sign, left in lasting
            if left > 1 and (sign.home, sign.layer) not in signed
        ]
        for sign in bar.signs:
            if sign.bars:
                _copy_bar(bars, bar, sign)
            else:
                _copy_part(bars, bar, sign)
            if sign.bars > 1:
                lasting.append((sign, sign.bars - 1))


def _copy_bar(bars: Sequence[Bar], bar: Bar, sign: Sign) -> None:
    if bar.index - sign.bars < bars[0].index:
        return
    model = bars[bar.index - bars[0].index - sign.bars]
    alone = not any(s.home == sign.home for s in bar.sounds)
    sounds = [s for s in model.sounds if s.home == sign.home and (alone or s.layer == sign.layer)]
    bar.sounds += _copies(sounds, bar.index, bar.start - model.start)


def _copy_part(bars: Sequence[Bar], bar: Bar, sign: Sign) -> None:
    before = bars[max(0, bar.index - bars[0].index - 1) : bar.index - bars[0].index + 1]
    sounds = [
        s
        for b in before
        for s in b.sounds
        if (s.home, s.layer) == (sign.home, sign.layer) and sign.at - sign.back <= s.onset < sign.at
    ]
    bar.sounds += _copies(sounds, bar.index, sign.back)


def _copies(sounds: Sequence[Sound], bar: int, shift: int) -> list[Sound]:
    copies = {
        sound: replace(
            sound, id="", bar=bar, onset=sound.onset + shift, repeats=sound.repeats or sound
        )
        for sound in sounds
    }
    for sound, copy in copies.items():
        copy.tied = copies.get(sound.tied) if sound.tied is not None else None
    return list(copies.values())
