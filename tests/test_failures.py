"""What is said of failures: grouped by reason, at most ten messages, none of them twice."""

from hypothesis import given
from hypothesis import strategies as st

from msmdtools.base.failures import SHOWN, Failure, lines


def test_few_failures_are_all_told_the_most_frequent_reason_first() -> None:
    failures = [
        Failure("c", "engrave, timeout", "c.ly: stopped"),
        Failure("b", "source, missing-file", "b.ly is not there"),
        Failure("a", "source, missing-file", "a.ly is not there"),
    ]
    assert lines(failures) == [
        "     2  source, missing-file",
        "        a: a.ly is not there",
        "        b: b.ly is not there",
        "     1  engrave, timeout",
        "        c: c.ly: stopped",
    ]


def test_many_failures_are_counted_and_every_reason_has_an_example() -> None:
    many = [Failure(f"p{i:03}", "source, missing-file", "gone") for i in range(1_200)]
    told = lines([*many, Failure("z", "align, no-notes", "nothing sounds")])
    assert told[0] == " 1,200  source, missing-file"
    assert told[-4:] == [
        "        p008: gone",
        "        … and 1,191 more",
        "     1  align, no-notes",
        "        z: nothing sounds",
    ]


def test_without_reasons_there_are_only_messages() -> None:
    assert lines([Failure("a.pdf", "", "damaged")]) == ["        a.pdf: damaged"]
    assert lines([]) == []


@given(st.lists(st.integers(0, 14), max_size=60))
def test_messages_are_ten_at_most_and_nothing_is_uncounted(kinds: list[int]) -> None:
    failures = [Failure(f"p{i}", f"kind {kind:02}", "m") for i, kind in enumerate(kinds)]
    told = lines(failures)
    assert sum(line.endswith(": m") for line in told) == min(SHOWN, len(kinds))
    heads = [line for line in told if line.startswith("  ") and "  kind " in line]
    assert sum(int(line.split()[0]) for line in heads) == len(kinds)
