"""The check of ties: a tied head continues an earlier head of its pitch and event, that sounds."""

import pandas as pd
import pytest

from msmdtools.dataset.tie_checks import check_ties

STRUCK = ("played", 60, 0.0, (0,), -1)


def found(*heads: tuple[str, int, float, tuple[int, ...], int], events: str = "") -> list[str]:
    """What is reported of heads: (role, pitch, onset, events, tied_to).

    Args:
        heads: numbered from 0.
        events: a letter for each event: the part that plays it at pitch 60, small for the strokes of a tremolo.
    """
    columns = ["role", "pitch", "onset_quarters", "events", "tied_to"]
    rows = pd.DataFrame(heads, columns=columns)
    rows["notehead"] = range(len(rows))
    reasons = ["tremolo-repetition" * part.islower() for part in events]
    parts = [ord(part.upper()) - ord("A") for part in events]
    sounding = pd.DataFrame({"reason": reasons, "part": parts, "pitch": 60})
    sounding["event"] = range(len(sounding))
    return [finding.what for finding in check_ties("p", rows, sounding)]


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (("tied", 60, 1.0, (0,), 0), ""),
        (("tied", 60, 1.0, (5, 0), 0), ""),
        (("tied", 60, 1.0, (0,), -1), ""),  # the head before it is hidden
        (("tied", 60, 1.0, (0,), 7), "tied to 7, which does not exist"),
        (("tied", 61, 1.0, (0,), 0), "pitch 61 tied to head 0 of pitch 60"),
        (("tied", 60, -1.0, (0,), 0), "tied to head 0, which is not earlier"),
        (("tied", 60, 1.0, (1,), 0), "tied to head 0, which belongs to other events"),
    ],
)
def test_a_tied_head_continues_a_head(head, what):
    assert found(STRUCK, head, events="AAAAAA") == [what] * bool(what)


def test_a_tie_to_itself_and_to_a_silent_head():
    assert found(("tied", 60, 0.0, (0,), 0)) == ["tied to head 0, which is not earlier"]
    silent = ("silent", 60, 0.0, (), -1)
    assert found(silent, ("tied", 60, 1.0, (0,), 0)) == ["tied to head 0, which is silent"]


@pytest.mark.parametrize(
    ("events", "well"),
    [
        ("Aaaa", True),  # tied from the last stroke of the tremolo
        ("AabB", False),  # that stroke is of another part
        ("AAAA", False),  # nothing is a stroke
        ("AbbA", False),
        ("AaaA", True),  # another voice strikes the last stroke, too
    ],
)
def test_a_tie_from_a_tremolo_continues_one_of_its_strokes(events, well):
    other = ["tied to head 0, which belongs to other events"]
    tied = ("tied", 60, 1.0, (3,), 0)
    assert found(STRUCK, tied, events=events) == ([] if well else other)


def test_a_tie_does_not_continue_a_stroke_before_its_head():
    other = ["tied to head 0, which belongs to other events"]
    struck, tied = ("played", 60, 0.0, (2,), -1), ("tied", 60, 1.0, (1,), 0)
    assert found(struck, tied, events="AaA") == other


def test_a_tie_from_a_tremolo_that_is_played_twice():
    struck, tied = ("played", 60, 0.0, (0, 3), -1), ("tied", 60, 1.0, (2, 5), 0)
    assert found(struck, tied, events="AaaAaa") == []
