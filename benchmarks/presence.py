"""How often moments off the sheet are told, and others taken for such: `msmdtools.follow.presence`.

    python benchmarks/presence.py MODEL DATASET --split CSV:COLUMN:PART --index FOLDER
                                  [--every N] [--scans FOLDER] [--performances FOLDER …]
                                  [--docs docs/experiments/alignment.md]

Recordings of the split, of each at most 100 s, are heard with what their sheet lacks: music of another piece,
silence, noise, or systems that are taken out of the sheet; and as they are. The strides are those of an index.
Scans, performances and FOLDER are as for benchmarks/verdict.py; a performance is heard with one sheet.

Told with all of the recording, and while it is heard. For the latter all `SETTINGS` are tried: the share of
moments on the sheet that are marked, and that of others that are missed, means over what there is to hear. Chosen
is the least sum of both, the former counted `WEIGHT` times, as a cursor that is lost is worse than one that
wanders; once with every second piece, measured with the others, and the other way around. Without --docs the
figures are printed.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
from answers import LONGEST_S, Thing, of_dataset, of_folders
from numpy.typing import NDArray
from pieces import filled

import msmdtools
from msmdtools.base.text_table import Table, pipes
from msmdtools.features.spectrogram import FRAMES_PER_SECOND, spectrogram
from msmdtools.follow import alignment, presence
from msmdtools.models.model import Model, load_model
from msmdtools.search import verdict
from msmdtools.search.options import AUDIO_STRIDE
from msmdtools.search.ranking import STEPS
from msmdtools.search.verdict import Null
from msmdtools.search.windows import audio_windows
from msmdtools.snippets.onsets import find_onsets

BEGIN, END = "<!-- figures of benchmarks/presence.py -->", "<!-- end of the figures on moments -->"
STEP = round(AUDIO_STRIDE * FRAMES_PER_SECOND)
SHORTEST_S, OTHER_S, QUIET_S = 20, 20, 10
LENGTHS = (6, 10, 14, 20, 40)
# How many times a moment on the sheet that is marked counts: as chosen, and others to compare.
WEIGHT, WEIGHTS = 5, (1, 2, 5, 10)
# A jump costs as much as at the strides of `alignment`.
JUMP = alignment.JUMP * alignment.AUDIO_STRIDE / AUDIO_STRIDE
SHIPPED = (presence.LEAST, presence.LEAVE, presence.BACK, presence.PASSAGES)
# Windows from which on something is said, probabilities to leave the sheet and to be back, passages.
SETTINGS = tuple(
    setting
    for setting in product(
        (6, 10),
        (0.01, 0.05, 0.1, 0.2, 0.3, 0.5),
        (0.2, 0.3, 0.5, 0.7, 0.9),
        [some for n in (1, 2) for some in combinations(LENGTHS, n)],
    )
    if setting[1] <= setting[2]
)

Bools = NDArray[np.bool_]
Bands = NDArray[Any]
Vectors = NDArray[np.float32]
Counts = NDArray[np.int64]
Setting = tuple[int, float, float, tuple[int, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """So many windows that are heard, and whether they are of the sheet."""

    bands: Bands
    vectors: Vectors
    there: bool


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A recording with what its sheet lacks.

    Attributes:
        kind: what that is. real: whether it is a performance of a person.
        heard, bands: of the recording. seen: of the sheet. there: (windows,) what is true.
    """

    kind: str
    real: bool
    music: str
    heard: Vectors
    bands: Bands
    seen: Vectors
    there: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What was told of a case.

    Attributes:
        begun, known, likely: of `presence`, the last for all `LENGTHS`.
        there: what is told with all of the recording.
    """

    case: Case
    begun: list[int | None]
    likely: NDArray[np.float64]
    known: NDArray[np.int64]
    there: Bools

    def online(self, setting: Setting) -> Bools:
        """What is told while it is heard."""
        least, leave, back, passages = setting
        of = [LENGTHS.index(length) for length in passages]
        likely = np.where(self.known >= least, self.likely[:, of].max(axis=1), np.nan)
        return presence.decided(likely, self.begun, leave, back)


def cases(model: Model, dataset: str, things: Sequence[Thing]) -> Iterator[Case]:
    """All of them, by piece."""
    opened = msmdtools.open(dataset)
    sheets = [t for t in things if t.side == "sheet"]
    recordings = [
        t for t in things if t.side == "audio" and windows_of(t) * AUDIO_STRIDE >= SHORTEST_S
    ]
    loud = np.random.default_rng(0).normal(0, 2000, QUIET_S * 22050).astype(np.int16)
    stray = [sounding(model, spectrogram(sound)) for sound in (np.zeros_like(loud), loud)]
    for number, thing in enumerate(recordings):
        sheet = next((s for s in sheets if s.music == thing.music and s.real <= thing.real), None)
        if sheet is None:
            continue
        others = [
            t
            for t in recordings
            if t.real == thing.real and t.music not in (thing.music, *thing.alike)
        ]
        other = others[number % len(others)]
        for kind, parts in mixed(thing, other, *stray).items():
            bands, vectors, there = joined(model, parts)
            yield Case(kind, thing.real, thing.music, vectors, bands, sheet.vectors, there)
        if not thing.real:
            yield from torn(opened[thing.music], thing, sheet)


def mixed(thing: Thing, other: Thing, silence: Heard, noise: Heard) -> dict[str, list[Heard]]:
    """What is heard, by kind."""
    windows, more = windows_of(thing), round(OTHER_S / AUDIO_STRIDE)
    half = windows // 2
    first, last, whole = part(thing, 0, half), part(thing, half, windows), part(thing, 0, windows)
    begin = max(windows_of(other) - more, 0) // 2
    strange = part(other, begin, begin + more, there=False)
    name = f"{OTHER_S} s of another piece"
    return {
        "nothing but the piece": [whole],
        "its first half twice": [first, whole],
        f"{name} before": [strange, whole],
        f"{name} after": [whole, strange],
        f"{name} in the middle": [first, strange, last],
        f"{QUIET_S} s of silence before and after": [silence, whole, silence],
        f"{QUIET_S} s of noise before and after": [noise, whole, noise],
    }


def torn(piece: Any, thing: Thing, sheet: Thing) -> Iterator[Case]:
    """A sheet without its first or last systems, about a third of them."""
    systems = np.unique(sheet.system)
    gone = round(len(systems) / 3)
    if not gone:
        return
    onsets = find_onsets(piece)
    times = np.unique(piece.events(thing.performance)["onset_s"].to_numpy())[onsets.onset]
    moments = np.arange(windows_of(thing)) * AUDIO_STRIDE
    at = onsets.system[np.maximum(np.searchsorted(times, moments, side="right") - 1, 0)]
    whole = part(thing, 0, windows_of(thing))
    for kind, left in (("first", systems[gone:]), ("last", systems[:-gone])):
        seen = sheet.vectors[np.isin(sheet.system, left)]
        same = (thing.music, whole.vectors, whole.bands, seen, np.isin(at, left))
        yield Case(f"the {kind} third of the sheet missing", False, *same)


def windows_of(thing: Thing) -> int:
    """How many windows of a recording are heard."""
    return min(thing.bands.shape[1], LONGEST_S * FRAMES_PER_SECOND) // STEP


def sounding(model: Model, bands: Bands) -> Heard:
    """What is on no sheet."""
    windows = audio_windows(bands, model.config.frames, AUDIO_STRIDE).spectrograms
    return Heard(bands, model.embed_audio(windows), False)


def part(thing: Thing, first: int, end: int, there: bool = True) -> Heard:
    """Some windows of a recording."""
    end = min(end, windows_of(thing))
    return Heard(thing.bands[:, first * STEP : end * STEP], thing.vectors[first:end], there)


def joined(model: Model, parts: Sequence[Heard]) -> tuple[Bands, Vectors, Bools]:
    """What is heard one after the other: its spectrogram, embeddings, and what of it is of the sheet."""
    bands = np.concatenate([part.bands for part in parts], axis=1)
    sizes = [part.bands.shape[1] // STEP for part in parts]
    there = np.repeat([part.there for part in parts], sizes)
    windows = audio_windows(bands, model.config.frames, AUDIO_STRIDE).spectrograms
    vectors, new = np.concatenate([part.vectors for part in parts]), np.zeros(len(windows), bool)
    # A window reaches so far into what is beside it.
    reach = -(-model.config.frames // 2 // STEP)
    for begin in np.cumsum(sizes)[:-1]:
        new[max(begin - reach, 0) : begin + reach] = True
    vectors[new] = model.embed_audio(windows[new])
    return bands, vectors, there


def told(model: Model, case: Case, null: Null | None) -> Told:
    """What is told of a case with all of it, and how probable the sheet is while it is heard."""
    begun = presence.begins(case.bands, AUDIO_STRIDE, len(case.heard))
    behind = round(model.config.frames / 2 / FRAMES_PER_SECOND / AUDIO_STRIDE)
    known = presence.heard_whole(begun, behind)
    likely = presence.lately(case.heard, case.seen, null, known, behind, LENGTHS)
    evidence = verdict.evidence(case.heard, case.seen, null)
    way = alignment.best_path(case.heard @ case.seen.T, STEPS, JUMP)
    along = np.einsum("ij,ij->i", case.heard, case.seen[way]).astype(np.float64)
    there = presence.on_sheet(
        along, np.arange(len(case.heard)) * AUDIO_STRIDE, case.bands, evidence
    )
    there &= verdict.probability(evidence, "audio") >= verdict.LIKELY
    return Told(case, begun, likely, known, there)


def shares(cases: Sequence[Told], said: Callable[[Told], Bools]) -> tuple[float, float]:
    """Percent of moments on the sheet that are marked, and of others that are found; NaN of none."""
    there = np.concatenate([one.case.there for one in cases])
    on = np.concatenate([said(one) for one in cases])
    return tuple(100 * float((~on[of]).mean()) if of.any() else np.nan for of in (there, ~there))


def delays(cases: Sequence[Told], setting: Setting) -> tuple[float, float]:
    """Median seconds after which other music is marked, and after which the piece is on the sheet again."""
    found: tuple[list[float], list[float]] = ([], [])
    for one in cases:
        there, on = one.case.there, one.online(setting)
        for change in np.flatnonzero(np.diff(there.astype(int))) + 1:
            later = np.flatnonzero(on[change:] == there[change])
            if len(later):
                found[int(there[change])].append(later[0] * AUDIO_STRIDE)
    return tuple(float(np.median(values)) if values else np.nan for values in found)


def by_kind(cases: Sequence[Told]) -> dict[str, list[Told]]:
    """Cases by what there is to hear."""
    kinds: dict[str, list[Told]] = {}
    for one in cases:
        kinds.setdefault(one.case.kind, []).append(one)
    return kinds


def counted(cases: Sequence[Told], setting: Setting) -> Counts:
    """Moments on the sheet, those of them that are marked, others, those that are not: (cases, 4)."""
    rows = []
    for one in cases:
        there, on = one.case.there, one.online(setting)
        rows.append([there.sum(), (there & ~on).sum(), (~there).sum(), (~there & on).sum()])
    return np.array(rows)


def means(counts: Counts, kinds: NDArray[np.str_]) -> tuple[float, float]:
    """Percent of moments on the sheet that are marked, and of others that are not: means of the kinds."""
    sums = np.array([counts[kinds == kind].sum(axis=0) for kind in np.unique(kinds)])
    on, wrong, off, missed = sums.T
    return 100 * float((wrong / on).mean()), 100 * float((missed[off > 0] / off[off > 0]).mean())


def settings_table(cases: Sequence[Told]) -> Table:
    """What was chosen with which pieces, and how it does with which."""
    kinds = np.array([f"{one.case.kind} {one.case.real}" for one in cases])
    number = {music: n for n, music in enumerate(sorted({one.case.music for one in cases}))}
    one = np.array([number[case.case.music] % 2 == 0 for case in cases])
    every = np.ones(len(cases), bool)
    counts = {setting: counted(cases, setting) for setting in (*SETTINGS, SHIPPED)}

    def measured(setting: Setting, of: Bools) -> tuple[float, float]:
        return means(counts[setting][of], kinds[of])

    def chosen(of: Bools, weight: int) -> Setting:
        return min(SETTINGS, key=lambda setting: np.dot((weight, 1), measured(setting, of)))

    table: Table = [["chosen with", "weight", "from s", "below", "from", "windows"]]
    table[0] += ["measured with", "wrongly marked %", "missed %"]
    halves = [("one half", one, "the other", ~one), ("the other half", ~one, "the one", one)]
    rows = [(*half, WEIGHT) for half in halves]
    rows += [("all", every, "all", every, weight) for weight in WEIGHTS]
    for name, some, other, of, weight in rows:
        setting = chosen(some, weight)
        table.append([name, f"{weight}", *shown(setting), other, *cells(measured(setting, of))])
    for other, of in (("all", every), ("the one half", one), ("the other", ~one)):
        table.append(["as it is", "", *shown(SHIPPED), other, *cells(measured(SHIPPED, of))])
    return table


def shown(setting: Setting) -> list[str]:
    """A setting in cells."""
    least, leave, back, passages = setting
    return [f"{least * AUDIO_STRIDE:g}", f"{leave:g}", f"{back:g}", ", ".join(map(str, passages))]


def cells(values: Sequence[float]) -> list[str]:
    """Percentages in cells."""
    return ["" if np.isnan(value) else f"{value:.1f}" for value in values]


def kinds_table(cases: Sequence[Told]) -> Table:
    """By what there is to hear: cases, shares with all of the recording and while it is heard, delays."""
    head = ["", "recordings", "minutes", "wrongly marked %", "found %"]
    table: Table = [[*head, "while heard: wrongly marked %", "found %", "after s", "back after s"]]
    for kind, some in by_kind(cases).items():
        row = [kind, f"{len(some)}", f"{sum(len(o.likely) for o in some) * AUDIO_STRIDE / 60:.0f}"]
        values = [*shares(some, lambda one: one.there)]
        values += [*shares(some, lambda one: one.online(SHIPPED)), *delays(some, SHIPPED)]
        table.append(row + cells(values))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("--split")
    parser.add_argument("--every", type=int, default=1, help="every so many pieces of the split")
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--scans", type=Path)
    parser.add_argument("--performances", type=Path, nargs="*", default=[])
    parser.add_argument("--docs", type=Path)
    given = parser.parse_args()
    if given.docs:
        filled(given.docs.read_text("utf-8"), "", BEGIN, END)  # before a while of measuring
    model = load_model(given.model)
    given.index.mkdir(parents=True, exist_ok=True)
    index = given.index / "dataset"
    things = list(of_dataset(model, given.model, given.dataset, given.split, index, given.every))
    if given.scans:
        folders = (given.scans, given.performances, given.index / "folders")
        things += of_folders(model, given.model, *folders)
    null = verdict.of_model(model.bundled)
    found = [told(model, case, null) for case in cases(model, given.dataset, things)]
    text = []
    for real, name in ((False, "Pieces of the dataset"), (True, "Performances of people")):
        some = [one for one in found if one.case.real == real]
        if some:
            text += [f"{name}, `{model.name}`:", "\n".join(pipes(kinds_table(some)))]
    text += [
        "Settings for what is told while it is heard:",
        "\n".join(pipes(settings_table(found))),
    ]
    page = "\n\n".join(text)
    if given.docs:
        given.docs.write_text(filled(given.docs.read_text("utf-8"), page, BEGIN, END), "utf-8")
    else:
        print(page)


if __name__ == "__main__":
    main()
