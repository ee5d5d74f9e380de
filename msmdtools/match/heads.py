"""Match each printed note head with the performed notes that it starts or continues, or say why it is silent.

Written note, head and performed note carry the same number (`record.ily`). A head drawn once may be performed
several times: by an unfolded volta repeat (all performances are the head's), or by a percent repeat or a
tremolo (the first of each run is the head's, the others are repetitions without a head of their own).
"""

from collections import defaultdict
from dataclasses import dataclass

from msmdtools.engrave.lilypond.records import EngravedHead, Records

SILENT_GROBS = {
    "AmbitusNoteHead": "ambitus",
    "TrillPitchHead": "trill-pitch",
    "TrillPitchParentheses": "trill-pitch",
}


@dataclass(frozen=True, slots=True)
class HeadMatch:
    """The notes that a head sounds.

    Attributes:
        played: indices into `Records.played`.
        reason: why the head is silent; "" if it sounds.
    """

    played: tuple[int, ...]
    reason: str


def match_heads(records: Records) -> tuple[dict[int, HeadMatch], dict[int, str]]:
    """Match all engraved heads, drawn or not, with the performed notes.

    Returns:
        The match of each head, and for each played note without a head the reason.
    """
    drawn = {d.head for d in records.drawn}
    heads_of: dict[int, list[int]] = defaultdict(list)
    for h, head in enumerate(records.heads):
        if head.note >= 0:
            heads_of[head.note].append(h)
    played_of: dict[int, list[int]] = defaultdict(list)
    for i, note in enumerate(records.played):
        if note.note >= 0:
            played_of[note.note].append(i)
    matches: dict[int, HeadMatch] = {}
    reasons: dict[int, str] = {}
    for number, heads in heads_of.items():
        matches.update(
            _match_note(records, number, heads, played_of.get(number, []), drawn, reasons)
        )
    for number, played in played_of.items():
        if number not in heads_of:
            for i in played:
                reasons[i] = _why_no_head(records, i)
    _match_unnumbered(records, matches, reasons)
    return matches, reasons


def _match_note(
    records: Records,
    number: int,
    heads: list[int],
    played: list[int],
    drawn: set[int],
    reasons: dict[int, str],
) -> dict[int, HeadMatch]:
    """Match the heads of one written note with its performances."""
    written_note = records.notes[number]
    heads = sorted(heads, key=lambda h: (records.heads[h].onset, records.heads[h].grace, h))
    moments = sorted({(records.heads[h].onset, records.heads[h].grace) for h in heads})
    runs: dict[int, list[int]] = defaultdict(list)
    by_voice: dict[int, list[int]] = defaultdict(list)
    for i in played:
        by_voice[records.played[i].staff].append(i)
    matches: dict[int, HeadMatch] = {}
    for indices in by_voice.values():
        indices.sort(key=lambda i: (records.played[i].onset, records.played[i].grace, i))
        for k, i in enumerate(indices):
            if k % written_note.count:
                reasons[i] = f"{written_note.repeat}-repetition"
            else:
                runs[i] = []
    direct = sorted(runs, key=lambda i: (records.played[i].onset, records.played[i].grace, i))
    per_moment: dict[int, list[int]] = defaultdict(list)
    if len(moments) == 1:
        per_moment[0] = direct
    else:
        by_moment = {m: k for k, m in enumerate(moments)}
        fallback = len(direct) == len(moments)
        for k, i in enumerate(direct):
            note = records.played[i]
            index = by_moment.get((note.onset, note.grace), k if fallback else -1)
            per_moment[index].append(i)
    for i in per_moment.pop(-1, []):
        reasons[i] = "not-engraved"
    for k, moment in enumerate(moments):
        heads_there = [
            h for h in heads if (records.heads[h].onset, records.heads[h].grace) == moment
        ]
        matches.update(_share(records, heads_there, per_moment.get(k, []), drawn, reasons))
    return matches


def _share(
    records: Records, heads: list[int], played: list[int], drawn: set[int], reasons: dict[int, str]
) -> dict[int, HeadMatch]:
    """Give the performances of one note at one printed moment to its heads there (nearly always one)."""
    shown = [h for h in heads if h in drawn]
    owners = [h for h in shown if not _is_cue(records.heads[h])] or shown
    staves = sorted({records.played[i].staff for i in played})
    matches: dict[int, HeadMatch] = {}
    for h in heads:
        if h in owners and len(staves) == len(owners) > 1:
            # One music in several staves at once: both number their staves in the source's order.
            staff = staves[sorted(owners, key=lambda owner: records.heads[owner].staff).index(h)]
            indices = tuple(i for i in played if records.played[i].staff == staff)
            matches[h] = HeadMatch(indices, "")
        elif h in owners and played:
            matches[h] = HeadMatch(tuple(played), "")
        else:
            matches[h] = HeadMatch((), _why_silent(records.heads[h]))
    if not owners:
        for i in played:
            reasons[i] = "hidden-head" if heads else "not-engraved"
    return matches


def _match_unnumbered(
    records: Records, matches: dict[int, HeadMatch], reasons: dict[int, str]
) -> None:
    """Match the notes of quotations, which carry no number, by moment, pitch and staff."""
    unclaimed: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for i, note in enumerate(records.played):
        if note.note < 0:
            unclaimed[note.onset, note.grace, note.pitch, note.cents, note.staff_name].append(i)
    for h, head in enumerate(records.heads):
        if h in matches:
            continue
        key = (head.onset, head.grace, head.pitch, head.cents, head.staff_name)
        candidates = unclaimed.get(key)
        if candidates and head.grob == "NoteHead" and head.pitch is not None:
            matches[h] = HeadMatch((candidates.pop(0),), "")
        else:
            matches[h] = HeadMatch((), _why_silent(head))
    for indices in unclaimed.values():
        for i in indices:
            reasons[i] = "quotation"


def _is_cue(head: EngravedHead) -> bool:
    return head.voice == "CueVoice"


def _why_silent(head: EngravedHead) -> str:
    if head.grob in SILENT_GROBS:
        return SILENT_GROBS[head.grob]
    if _is_cue(head):
        return "cue"
    if head.note < 0:
        return "text-example"
    return "not-performed"


def _why_no_head(records: Records, i: int) -> str:
    """Why a performed note has no head at all."""
    note = records.played[i]
    if records.notes[note.note].repeat:
        return f"{records.notes[note.note].repeat}-repetition"
    return "chord-symbol" if note.voice_type == "ChordNames" else "not-engraved"
