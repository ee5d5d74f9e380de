"""A small folder with all that the examples of the README and of docs/ name: sources, a dataset, a model.

`prepare` makes it and `prepare_model` adds the model; conftest.py gives them to the tests as `docs_folder` and
`docs_folder_with_model`, and each test works in a `copy`.
"""

import shutil
import subprocess
from pathlib import Path

import score_fakes
from click.testing import CliRunner
from PIL import Image

from msmdtools.cli import main

PIECE = "PetzoldC__BWVAnh114__minuet-in-g"
OTHER = "Traditional__frere-jacques__frere-jacques"
SPLIT = {
    PIECE: "test",
    OTHER: "test",
    "Traditional__greensleeves__greensleeves": "train",
    "SchumannR__O68__melody": "valid",
}
"""What stands for the 467 pieces of MSMD."""
BEYOND = {"SchumannR__O68__soldiers-march": "train"}
CONFIG = """
context_s = 2.1
sheet_tower = {kind = "vgg", width = 2}
audio_tower = {kind = "vgg", width = 2}
attention = {kind = "soft", width = 2}
projection = {kind = "none"}
loss = {kind = "infonce"}
training = {batch_size = 32, pairs = 64}
"""
CONFIGS = ("tiny", "mine", "compact-2s", "first", "third", "projection", "all")
RUNS = ("run", "compact-2s", "compact-8s", "large-8s", "MODEL", "RUN")
NAMES = dict.fromkeys(("msmd", "sample", "demo/dataset", "DATASET", "SOURCE", "THING"), "dataset")
NAMES |= dict.fromkeys(("snippets", "SNIPPETS", "wide"), "pairs") | dict.fromkeys(RUNS, "tiny")
NAMES |= {"FOLDER": "msmd_aug", "music21": "scores"}
"""What the examples call them; a line that makes one of these makes it anew."""


def msmd(*arguments: object) -> None:
    result = CliRunner().invoke(main, [str(one) for one in arguments])
    assert result.exit_code == 0, result.output


def copy(folder: Path, to: Path) -> Path:
    """Give a test a folder of its own."""
    return shutil.copytree(folder, to, symlinks=True, dirs_exist_ok=True)


def prepare(sample_root: Path) -> None:
    """Make it, in the current folder; its models are links to what `prepare_model` adds."""
    _sources(sample_root)
    build = ["--root", "mutopia/ftp", "--soundfonts", "TimGM6mb", "--keep-audio", "--jobs", 1]
    msmd("build", "--manifest", "manifests/msmd-v1.1.csv", "--out", "dataset", *build)
    split = ["--split", "manifests/msmd-v1.1.csv:all_split", "--jobs", 1]
    msmd("snippets", "dataset", "--out", "pairs", *split)
    msmd("export", "dataset", "--format", "msmd", "--out", "msmd_aug")
    for name in CONFIGS:
        Path(f"{name}.toml").write_text(CONFIG, "utf-8")
    Path("demo").mkdir()
    for name, what in NAMES.items():
        Path(name).symlink_to(Path("../" * name.count("/"), what))
    (performance,) = Path("msmd/pieces", PIECE, "performances").iterdir()
    shutil.copy(performance / "audio.flac", "recording.flac")
    shutil.copy(performance / "performance.mid", "performance.mid")
    Path("scans").mkdir()
    page = Path("msmd/pieces", PIECE, "page-01.png")
    shutil.copy(page, "scans/minuet.png")
    with Image.open(page) as image:
        image.convert("L").save("score.pdf", resolution=100)


def prepare_model() -> None:
    """Add a trained model and an index with it."""
    train = ["--out", "tiny", "--pairs", 64, "--validations", 1, "--threads", 1]
    msmd("train", "pairs", "--config", "tiny.toml", *train)
    msmd("index", "dataset", "--out", "msmd.index", "--model", "tiny")


def _sources(sample_root: Path) -> None:
    """A tree that stands for Mutopia's, fetched from a repository, and manifests of it.

    The repository stands for that of OpenScore, too.
    """
    origin = Path("origin")
    shutil.copytree(sample_root, origin / "ftp")
    song = origin / "scores" / "Schubert,_Franz" / "_" / "An_die_Musik" / "lc1.mxl"
    song.parent.mkdir(parents=True)
    head = "<identification><creator type='composer'>Franz Schubert</creator></identification>"
    song.write_bytes(score_fakes.mxl(score_fakes.musicxml(head=head)))
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "pieces"]):
        subprocess.run(["git", *identity, *arguments], cwd=origin, check=True)
    msmd("fetch", "mutopia", "--url", origin.absolute().as_uri(), "--commit", "HEAD")
    Path("msmdtools").mkdir()
    Path("msmdtools/pieces").symlink_to(sample_root)
    Path("manifests").mkdir()
    _manifest("manifests/msmd-v1.1.csv", "all_split", SPLIT)
    _manifest("manifests/beyond-msmd.csv", "split", BEYOND)
    for name in ("manifests/mutopia-keyboard.csv", "more.csv"):
        shutil.copy("manifests/beyond-msmd.csv", name)
    head, *rows = Path("manifests/msmd-v1.1.csv").read_text("utf-8").splitlines(keepends=True)
    Path("train.csv").write_text("".join([head, *[r for r in rows if ",train" in r]]), "utf-8")
    _manifest("pieces.csv", "split", {PIECE: "train"})
    rows = [f"{piece},{part}\n" for piece, part in SPLIT.items()]
    Path("split.csv").write_text("".join(["piece,split\n", *rows]), "utf-8")
    Path("tree").symlink_to("mutopia/ftp")
    _encodings()


def _encodings() -> None:
    """Scores that are not LilyPond's."""
    head = "<identification><creator type='composer'>Bach</creator></identification>"
    song = score_fakes.musicxml(head=head)
    for folder in ("scores", "more"):
        Path(folder).mkdir()
    Path("song.mxl").write_bytes(score_fakes.mxl(song))
    Path("scores/song.musicxml").write_text(song, "utf-8")
    Path("scores/air.mei").write_text(score_fakes.mei(), "utf-8")
    shutil.copy(Path("mutopia/ftp", _path(OTHER)), "more/sonata.ly")


def _manifest(name: str, column: str, split: dict[str, str]) -> None:
    listed = Path("list.csv")
    rows = [f"{piece},{_path(piece)},{part}\n" for piece, part in split.items()]
    listed.write_text("".join([f"piece,path,{column}\n", *rows]), "utf-8")
    msmd("ingest", "mutopia/ftp", "--instrument", "all", "--list", listed, "--out", name)
    listed.unlink()


def _path(piece: str) -> str:
    *folders, name = piece.split("__")
    return "/".join([*folders, *([name] if folders[-1] != name else []), f"{name}.ly"])
