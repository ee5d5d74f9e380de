"""One piece of a dataset: its tables, pages, performances, and the places where these are on the paper."""

import io
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from msmdtools.base.damage import why
from msmdtools.base.quantities import how_many, near
from msmdtools.base.table import Table
from msmdtools.dataset import music_file, onsets
from msmdtools.dataset.files import Pages, damaged, missing, read_verified
from msmdtools.dataset.prints import Prints
from msmdtools.errors import DatasetError
from msmdtools.paper import position
from msmdtools.paper.staff_height import staff_heights
from msmdtools.perform.level import as_rendered
from msmdtools.performance import (
    DELETION,
    EVENTS,
    EXACT,
    INSERTION,
    PERFORMANCES,
    PLAYED_LINKS,
    RECORDED,
    SYNTHETIC,
    TIMINGS,
    PerformanceSpec,
)
from msmdtools.score import MEASURES, NOTEHEADS, PARTS, SYSTEMS, Music

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

MOST_LEFT_OUT = 4
"""A person who leaves out more printed onsets than this, one after the other, has gone to another place."""


class Tables(Protocol):
    """What a piece needs of its dataset; see `msmdtools.dataset.reader.Dataset`."""

    path: Path
    description: dict[str, Any]

    @property
    def attempted(self) -> "pd.DataFrame": ...  # noqa: D102

    @property
    def has_measures(self) -> bool: ...  # noqa: D102

    def table(self, name: str, piece: str | None = None) -> "pa.Table": ...  # noqa: D102


class DatasetPiece:
    """One piece of a dataset. Its tables and files are read when they are used.

    Attributes:
        dataset: the dataset it belongs to.
        piece: its id.
        path: its folder.
    """

    def __init__(self, dataset: Tables, piece: str) -> None:
        self.dataset = dataset
        self.piece = piece
        self.path = dataset.path / "pieces" / piece
        self._struck: dict[str, pd.DataFrame] = {}
        self._passages: dict[str, list[position.Passage]] = {}

    @property
    def header(self) -> dict[str, Any]:
        """The row of the pieces table: title, composer, licence, counts and so on."""
        return dict(self.dataset.attempted.loc[self.piece])

    @property
    def title(self) -> str:
        """The title."""
        return str(self.header["title"])

    @property
    def composer(self) -> str:
        """The composer."""
        return str(self.header["composer"])

    @property
    def licence(self) -> str:
        """The SPDX identifier of the edition's licence, or "unknown"."""
        return str(self.header["licence"])

    @property
    def pages(self) -> "Pages":
        """The page images, a sequence of uint8 arrays (height, width); page n is `pages[n - 1]`."""
        return Pages(self.path, int(self.header["pages"]), self._sums)

    @cached_property
    def prints(self) -> Prints:
        """The prints that are linked to the piece beside its engraving, by name."""
        return Prints(self, self._frame, self._sums)

    @property
    def pdf_path(self) -> Path:
        """The score as a PDF."""
        return self.path / "score.pdf"

    @cached_property
    def systems(self) -> "pd.DataFrame":
        """One row per staff of each system; boxes in pixels."""
        return self._frame(SYSTEMS)

    @cached_property
    def staff_heights(self) -> dict[int, float]:
        """The height of the staves of each page in px, by its number, where it is known."""
        return staff_heights(self.systems, "imported" in self.dataset.description)

    @cached_property
    def measures(self) -> "pd.DataFrame":
        """One row per bar in each system that it stands in; an error if not `Dataset.has_measures`."""
        return self._frame(MEASURES)

    @cached_property
    def parts(self) -> "pd.DataFrame":
        """One row per part, the index their numbers: name, program, number of events."""
        frame = self._frame(PARTS)
        return frame.set_index("part", drop=False).rename_axis(None)

    @cached_property
    def noteheads(self) -> "pd.DataFrame":
        """One row per printed note head; row n is note head n."""
        return self._frame(NOTEHEADS)

    @cached_property
    def starts(self) -> "pd.DataFrame":
        """The events that each played head starts in synthetic performances: columns notehead and event.

        These events have the numbers of the written notes; see `started` for human performances. A head has
        several rows where repeats are unfolded; a chord of two voices on one key has several heads for one event.
        """
        heads = self.noteheads.loc[self.noteheads["role"] == "played", ["notehead", "events"]]
        starts = heads.explode("events").rename(columns={"events": "event"})
        return starts.astype("int64").reset_index(drop=True)

    @cached_property
    def performances(self) -> "pd.DataFrame":
        """One row per performance, the index their names."""
        frame = self._frame(PERFORMANCES)
        return frame.set_index("performance", drop=False).rename_axis(None)

    @property
    def timings(self) -> "pd.DataFrame":
        """One row each time that a bar is played in a recording, by performance, measure and pass."""
        return self._frame(TIMINGS)

    @cached_property
    def _events(self) -> dict[str, "pd.DataFrame"]:
        frame = self._frame(EVENTS)
        groups = frame.groupby("performance", sort=False)
        return {str(name): group.reset_index(drop=True) for name, group in groups}

    def events(self, performance: str | None = None) -> "pd.DataFrame":
        """One row per note that sounds in a performance, times in seconds; row n is event n.

        Args:
            performance: its name; None for the first synthetic one, or else the first one, here and in all
                methods below.

        Raises:
            DatasetError: the piece has no such performance.
        """
        rows = self._rows_of(performance)
        return rows[rows["link"] != DELETION] if (rows["link"] == DELETION).any() else rows

    def deletions(self, performance: str | None = None) -> "pd.DataFrame":
        """The notes that are written but were not played: rows of the events table without times."""
        rows = self._rows_of(performance)
        return rows[rows["link"] == DELETION].reset_index(drop=True)

    def _rows_of(self, performance: str | None) -> "pd.DataFrame":
        name = self.performance_name(performance)
        return self._events.get(name, self._frame(EVENTS).iloc[:0])

    def is_human(self, performance: str | None = None) -> bool:
        """Whether a person played it: its chords are spread, and its notes may differ from the written ones."""
        return bool(self.performances.at[self.performance_name(performance), "kind"] != SYNTHETIC)

    def is_recorded(self, performance: str | None = None) -> bool:
        """Whether it is a recording: its notes have the times of the bars, and no velocity."""
        return bool(self.performances.at[self.performance_name(performance), "kind"] == RECORDED)

    def struck(self, performance: str | None = None) -> "pd.DataFrame":
        """The events that play written notes, with one common time for all notes of one written onset.

        Returns:
            Columns as `msmdtools.dataset.onsets.struck` says.
        """
        name = self.performance_name(performance)
        if name not in self._struck:
            events = self.events(name)
            if self.is_human(name):
                self._struck[name] = onsets.struck(events, self.written_onsets)
            else:
                self._struck[name] = onsets.as_written(events)
        return self._struck[name]

    @cached_property
    def written_onsets(self) -> NDArray[np.int64]:
        """The number of each written note's onset, among all distinct ones of the piece, from 0: (notes,)."""
        return onsets.written(self.music)

    def sounds(self, performance: str | None = None) -> NDArray[np.float64]:
        """When each written note sounds, the first time: (notes, 3) of onset, release and event.

        NaN and event −1 for a note that a human performance leaves out.
        """
        rows = self._rows_of(performance)
        played = rows[rows["link"].isin((EXACT, *PLAYED_LINKS))].sort_values("event", kind="stable")
        first = played.drop_duplicates("note")
        count = int(rows.loc[rows["link"] != INSERTION, "note"].max()) + 1 if len(rows) else 0
        result = np.full((count, 3), [np.nan, np.nan, -1.0])
        result[first["note"]] = first[["onset_s", "offset_s", "event"]].to_numpy(np.float64)
        return result

    def started(self, performance: str | None = None) -> "pd.DataFrame":
        """The events that each played head starts in a performance: columns notehead and event.

        For a synthetic performance it is `starts`. For others, notes that were left out have no row, and where a
        passage is played again a head has a row for each time.
        """
        if not self.is_human(performance):
            return self.starts
        events = self.events(performance)
        played = events.loc[events["link"].isin(PLAYED_LINKS), ["note", "event"]]
        starts = self.starts.rename(columns={"event": "note"}).merge(played, on="note")
        return starts[["notehead", "event"]].sort_values(["notehead", "event"], ignore_index=True)

    def spectrogram(self, performance: str | None = None) -> NDArray[np.float16]:
        """The spectrogram of a performance: float16, (92 bands, frames), lowest band first."""
        file = self._file(performance, "spectrogram.npy")
        try:
            array = np.load(io.BytesIO(self._content(file)), allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise damaged(file, why(error)) from error
        return np.asarray(array, np.float16)

    @cached_property
    def music(self) -> Music:
        """The written music, from which all performances are made: notes, tempi, pedals in ticks.

        Raises:
            DatasetError: its file is missing or damaged.
        """
        return music_file.read_music(self.path)

    def spec(self, performance: str | None = None) -> PerformanceSpec:
        """The tempo, soundfont, program and velocity of a performance."""
        rows: Any = self.performances.to_dict("index")
        return PerformanceSpec.from_json(rows[self.performance_name(performance)])

    def midi_path(self, performance: str | None = None) -> Path:
        """The performance as a standard MIDI file; an error for a recording, which has none."""
        if self.is_recorded(performance):
            raise DatasetError(f"{self.piece}: {performance} is a recording, and has no MIDI file")
        path = self._file(performance, "performance.mid")
        self._content(path)
        return path

    def audio(self, performance: str | None = None) -> NDArray[np.int16]:
        """The audio of a performance: int16, (samples,), mono, 22,050 Hz.

        These are the samples that the spectrogram is made of. Those of the file are louder, by the
        performance's `audio_gain`.

        Raises:
            DatasetError: the dataset was built without keeping audio.
        """
        import soundfile

        file = self.audio_path(performance)
        try:
            samples, _ = soundfile.read(io.BytesIO(self._content(file)), dtype="int16")
        except soundfile.SoundFileError as error:
            raise damaged(file, why(error)) from error
        name = self.performance_name(performance)
        return as_rendered(samples, int(str(self.performances.at[name, "audio_gain"])))

    def audio_path(self, performance: str | None = None) -> Path:
        """The audio of a performance, FLAC, mono, 22,050 Hz.

        Raises:
            DatasetError: the dataset was built without keeping audio.
        """
        name = self.performance_name(performance)
        if not self.performances.at[name, "audio_sha256"]:
            raise DatasetError(
                f"{self.dataset.path} was built without audio; build it again with --keep-audio, which adds it"
            )
        return self._file(name, "audio.flac")

    def passages(self, performance: str | None = None) -> list[position.Passage]:
        """The path of a performance over the paper, system by system; see `msmdtools.paper.position`."""
        name = self.performance_name(performance)
        if name not in self._passages:
            self._passages[name] = position.passages(
                self.noteheads,
                self.systems,
                self.struck(name),
                self.started(name),
                skips=MOST_LEFT_OUT if self.is_human(name) else 0,
            )
        return self._passages[name]

    def position(self, performance: str | None, seconds: ArrayLike) -> position.Position:
        """The place of a performance on the paper at `seconds`: page, system, x and y.

        x and y are in pixels of the page. All four are numbers where `seconds` is one, else arrays. x moves in
        straight lines from onset to onset through a system; y is the system's middle. Before the first onset
        and after the last release page and system are 0, x and y NaN. The rules stand in
        `msmdtools.paper.position`.
        """
        return position.position(self.passages(performance), seconds)

    def time(
        self, performance: str | None, page: ArrayLike, x: ArrayLike, y: ArrayLike
    ) -> NDArray[np.float64] | float:
        """The first time at which a performance is at a place: the inverse of `position`.

        The places are broadcast; y chooses the nearest system.

        Args:
            performance: its name; None for the first one.
            page: page, from 1.
            x: pixels from the left of the page.
            y: pixels from the top of the page.

        Returns:
            Seconds from the start of the audio, a number or an array; NaN on a page without music.
        """
        return position.time(self.passages(performance), page, x, y)

    def times(self, performance: str | None, page: int, x: float, y: float) -> list[float]:
        """All times at which a performance is at a place: several where repeats are unfolded.

        Args:
            performance: its name; None for the first one.
            page: page, from 1.
            x: pixels from the left of the page.
            y: pixels from the top of the page; it chooses the nearest system.

        Returns:
            Seconds from the start of the audio, ascending.
        """
        return position.times(self.passages(performance), page, x, y)

    def performance_name(self, performance: str | None = None) -> str:
        """`performance` if the piece has it; for None, the name of its first synthetic one, or else its first.

        Raises:
            DatasetError: the piece has no such performance.
        """
        names = list(self.performances.index)
        if performance is None and names:
            synthetic = (n for n in names if self.performances.at[n, "kind"] == SYNTHETIC)
            return str(next(synthetic, names[0]))
        if performance not in names:
            raise DatasetError(
                f"{self.piece}: no performance {performance!r}{near(performance or '', names)}"
            )
        return str(performance)

    def _file(self, performance: str | None, file: str) -> Path:
        path = self.path / "performances" / self.performance_name(performance) / file
        if not path.is_file():
            raise missing(path)
        return path

    @cached_property
    def _sums(self) -> dict[str, str]:
        """The checksums of the files table, by file."""
        files = self.dataset.table("files", self.piece)
        return dict(zip(files["file"].to_pylist(), files["sha256"].to_pylist(), strict=True))

    def _content(self, path: Path) -> bytes:
        """A file of the piece, compared with its checksum."""
        return read_verified(path, self._sums.get(path.relative_to(self.path).as_posix()))

    def _frame(self, table: Table) -> "pd.DataFrame":
        frame: pd.DataFrame = self.dataset.table(table.name, self.piece).to_pandas()
        return frame

    def __repr__(self) -> str:
        row = self.header
        counts = [(row[n], n.removesuffix("s")) for n in ("pages", "noteheads", "performances")]
        return f"<DatasetPiece {self.piece}: {', '.join(how_many(int(n), w) for n, w in counts)}>"
