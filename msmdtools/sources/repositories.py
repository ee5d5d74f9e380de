"""The public collections that `msmd fetch` knows: where they are, what they hold, and under which licence.

A fetched collection carries its name in the file `SOURCE_COLLECTION`, so that `msmd ingest` lists its scores and
not its other files, and each piece with the licence of the collection.
"""

import fnmatch
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from msmdtools.errors import ManifestError
from msmdtools.piece import Piece
from msmdtools.sources.licence import UNKNOWN

SOURCE_COLLECTION = "SOURCE_COLLECTION"
"""File in a fetched tree that names the collection."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A collection in a public git repository.

    Attributes:
        name: its name for msmdtools.
        title: its name for people.
        url: address of the repository.
        commit: the commit that is fetched by default.
        licence: SPDX identifier of the licence that the repository states for all its files; "unknown" if it
            states none, and "" if each file has its own.
        holds: what is in it, in a few words.
        source: who made it, and where it was published.
        scores: patterns of the paths of its scores; none if all scores in it are meant.
        by_folder: whether its scores are told apart by their folders, as all files have the same name.
        instruments: what all its scores are for, as terms of `Piece.instruments`; none if they say so themselves.
        folder: the subfolder that the scores are in; "" for the whole tree.
        scanned: whether it has scans and no scores.
    """

    name: str
    title: str
    url: str
    commit: str
    licence: str
    holds: str
    source: str
    scores: tuple[str, ...] = ()
    by_folder: bool = False
    instruments: tuple[str, ...] = ()
    folder: str = ""
    scanned: bool = False

    @property
    def terms(self) -> str:
        """The licence in a few words, for people."""
        if not self.licence:
            return "each file states its own licence"
        if self.licence == UNKNOWN:
            return "it states no licence: ask its authors before you publish what you make of it"
        if non_commercial(self.licence):
            return f"its licence is {self.licence}: it is not for commercial use, nor are weights trained on it"
        return f"its licence is {self.licence}"


def non_commercial(licence: str) -> bool:
    """Whether the terms of a licence, by its SPDX identifier, exclude commercial use."""
    return "-NC" in licence


_ALL = (
    Repository(
        name="mutopia",
        title="Mutopia Project",
        url="https://github.com/MutopiaProject/MutopiaProject.git",
        # Piece 2247 (24 July 2019) was published with it.
        commit="4b13480e7f55017ff3039bc4ebbf795f3664c4a2",
        licence="",
        holds="2,100 scores in LilyPond",
        source="The Mutopia Project, mutopiaproject.org",
        folder="ftp",
    ),
    Repository(
        name="asap",
        title="(n)ASAP",
        url="https://github.com/CPJKU/asap-dataset.git",
        commit="4097b45757bed854818cf87e77b92323ebf90615",  # tag v2.1.1
        licence="CC-BY-NC-SA-4.0",
        holds="piano scores in MusicXML, performances in MIDI, aligned note by note",
        source="Foscarin et al., ISMIR 2020; Peter et al., TISMIR 6 (2023), doi:10.5334/tismir.149",
        scores=("*/xml_score.musicxml",),
        by_folder=True,
        instruments=("piano",),
    ),
    Repository(
        name="vienna4x22",
        title="Vienna 4x22 Piano Corpus",
        url="https://github.com/CPJKU/vienna4x22.git",
        commit="decce458a2ae1fa41395fc71117180f91cff4aa4",
        licence=UNKNOWN,
        holds="4 excerpts in MusicXML and print, 22 performances of each in MIDI, aligned note by note",
        source="Goebl, 1999, doi:10.21939/4X22; match files by Cancino-Chacón et al., 2022",
        scores=("musicxml/*.musicxml",),
        instruments=("piano",),
    ),
    Repository(
        name="batik",
        title="Batik-plays-Mozart",
        url="https://github.com/huispaty/batik_plays_mozart.git",
        commit="e1b70013884686a53f2813ee1505e537a873cc0a",
        licence=UNKNOWN,
        holds="36 movements of Mozart's sonatas in MusicXML and MIDI, played and aligned note by note",
        source="Hu and Widmer, ISMIR 2023, arXiv:2309.02399",
        scores=("scores/*.musicxml",),
        instruments=("piano",),
    ),
    Repository(
        name="sheet-midi-sync",
        title="sheet-midi-sync",
        url="https://github.com/ttanprasert/sheet-midi-sync.git",
        commit="5942fe8794f9a1add688297777f96d5facc1a1e6",
        licence="CC-BY-4.0",
        holds="scanned editions of piano pieces with the places of their beats, and MIDI performances",
        source="Tanprasert et al., ISMIR 2019, arXiv:2004.10345",
        scanned=True,
    ),
    Repository(
        name="openscore-lieder",
        title="OpenScore Lieder Corpus",
        url="https://github.com/OpenScore/Lieder.git",
        commit="bca122458de6da362abe62dd6aec62e25d7759b1",
        licence="CC0-1.0",
        holds="1,460 songs for voice and piano in MXL",
        source="Gotham and Jonas, MEC 2021, doi:10.17613/1my2-dm23",
        # The same songs are there in MuseScore's formats, too.
        scores=("scores/*.mxl",),
    ),
)

REPOSITORIES: Mapping[str, Repository] = MappingProxyType({r.name: r for r in _ALL})
MUTOPIA = REPOSITORIES["mutopia"]


@dataclass(frozen=True, slots=True)
class Collection:
    """A fetched collection, or a folder in one.

    Attributes:
        repository: what is known of it.
        folder: the folder in it, relative to its root, with a slash at its end; "" for the root.
    """

    repository: Repository
    folder: str

    def has(self, path: str, named: Sequence[str] = ()) -> bool:
        """Whether a path, relative to the folder, is that of a score of the collection, or is `named` itself."""
        patterns = self.repository.scores
        is_score = any(fnmatch.fnmatchcase(self.folder + path, p) for p in patterns)
        every = not patterns and not self.repository.scanned
        return is_score or every or path in named

    def stem(self, path: str) -> str:
        """What tells a score of the collection apart: its path without the suffix, or its folder."""
        by_folder = self.repository.by_folder and "/" in path
        return posixpath.dirname(path) if by_folder else posixpath.splitext(path)[0]

    def described(self, piece: Piece) -> Piece:
        """A piece with licence and instruments of the collection; what its file states of a licence is kept."""
        licence = self.repository.licence
        own = piece.licence_text or ("" if piece.licence == UNKNOWN else piece.licence)
        if licence and own != licence:
            text = f"the file states: {own}"[:200] if own else ""
            piece = replace(piece, licence=licence, licence_text=text)
        return replace(piece, instruments=self.repository.instruments or piece.instruments)

    def check_scores(self) -> None:
        """Raise ManifestError if the collection has scans and no scores."""
        if self.repository.scanned:
            raise ManifestError(
                f"The collection {self.repository.name} has {self.repository.holds}, and no scores to build: "
                "build the pieces from another source, then link the scans with them by msmd link."
            )


def collection_of(tree: Path) -> Collection | None:
    """The collection that a tree is, or is a folder of; None if it is of no fetched collection.

    Raises:
        ManifestError: the tree names a collection that this version does not know.
    """
    tree = tree.absolute()
    for root in (tree, *tree.parents):
        mark = root / SOURCE_COLLECTION
        if mark.is_file():
            name = mark.read_text(encoding="utf-8").strip()
            if name not in REPOSITORIES:
                raise ManifestError(
                    f"{mark} names the collection {name!r}, which msmdtools does not know. It knows "
                    f"{', '.join(REPOSITORIES)}. Delete the file to read the folder as any other."
                )
            folder = "".join(f"{part}/" for part in tree.relative_to(root).parts)
            return Collection(REPOSITORIES[name], folder)
    return None
