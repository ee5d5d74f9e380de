"""What a source leaves where LilyPond's output is expected: links, pipes and folders cost only its own piece.

Everything here is harmless: links lead to files that the test itself has made.
"""

import os
import socket
from pathlib import Path

import pytest

from msmdtools.base.folders import extent, remove_tree
from msmdtools.engrave import Limits, engrave, find_engines, sandbox
from msmdtools.engrave.lilypond.records_file import read_records
from msmdtools.engrave.outputs import Untrusted, take_over
from msmdtools.engrave.pages import most_pixels, render_pages
from msmdtools.errors import PieceError

QUICK = Limits(timeout_s=60, memory_bytes=1 << 30, output_bytes=16 << 20)
SECRET = "a text of somebody else\n"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    path = tmp_path / "outside"
    path.mkdir()
    (path / "secret").write_text(SECRET)
    return path / "secret"


def leave_link(place: Path, outside: Path) -> None:
    place.symlink_to(outside)


def leave_link_to_folder(place: Path, outside: Path) -> None:
    place.symlink_to(outside.parent)


def leave_dangling_link(place: Path, outside: Path) -> None:
    place.symlink_to(outside.parent / "nothing")


def leave_hard_link(place: Path, outside: Path) -> None:
    os.link(outside, place)


def leave_folder(place: Path, outside: Path) -> None:
    place.mkdir()


def leave_pipe(place: Path, outside: Path) -> None:
    os.mkfifo(place)


def leave_socket(place: Path, outside: Path) -> None:
    # By a short name: the path of a socket may have a hundred bytes.
    before = Path.cwd()
    os.chdir(place.parent)
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(place.name)
    finally:
        os.chdir(before)


def leave_sparse_file(place: Path, outside: Path) -> None:
    with open(place, "wb") as file:
        file.truncate(1 << 40)


@pytest.mark.parametrize(
    ("leave", "why"),
    [
        (leave_link, "is a link"),
        (leave_link_to_folder, "is a link"),
        (leave_dangling_link, "is a link"),
        (leave_hard_link, "is a file with several names"),
        (leave_folder, "is a folder"),
        (leave_pipe, "is a pipe or a device"),
        (leave_socket, "is a socket"),
        (leave_sparse_file, "has more than 1 MiB"),
    ],
)
def test_only_a_regular_file_of_its_own_is_taken(tmp_path, outside, leave, why) -> None:
    left, ours = tmp_path / "left", tmp_path / "ours"
    left.mkdir()
    ours.mkdir()
    leave(left / "records.tsv", outside)
    with pytest.raises(Untrusted, match=f"^records.tsv {why}"):
        take_over("records.tsv", left, ours, 1 << 20)
    assert list(ours.iterdir()) == []
    assert outside.read_text() == SECRET


def test_what_is_taken_is_a_copy(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "a").write_bytes(b"x" * 100)
    copy = take_over("a", tmp_path, tmp_path / "ours", 100)
    (tmp_path / "a").write_bytes(b"changed")
    assert copy.read_bytes() == b"x" * 100
    with pytest.raises(FileExistsError):
        take_over("a", tmp_path, tmp_path / "ours", 100)
    with pytest.raises(FileNotFoundError):
        take_over("b", tmp_path, tmp_path / "ours", 100)


def nested(folder: Path, depth: int) -> None:
    """Folders in folders, deeper than a path can be."""
    folder.mkdir()
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=handle)
        inner = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(os.open("file", os.O_CREAT, dir_fd=handle))
    os.close(handle)


def test_whatever_is_in_a_folder_it_can_be_removed(tmp_path: Path, outside: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    nested(work / "deep", 1500)
    for number, leave in enumerate(
        (leave_link, leave_link_to_folder, leave_dangling_link, leave_hard_link, leave_pipe)
    ):
        leave(work / f"left-{number}", outside)
    (work / "closed" / "within").mkdir(parents=True)
    (work / "closed" / "within" / "file").touch()
    (work / "closed" / "within").chmod(0)
    (work / "closed").chmod(0)
    for number in range(300):
        (work / f"file-{number}").touch()
    assert remove_tree(work)
    assert not work.exists()
    assert (outside.read_text(), outside.stat().st_nlink) == (SECRET, 1)


def test_removing_a_link_leaves_what_it_leads_to(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "link").symlink_to(outside.parent)
    assert remove_tree(tmp_path / "link")
    assert not (tmp_path / "link").is_symlink()
    assert outside.read_text() == SECRET
    assert remove_tree(tmp_path / "was" / "never" / "there")


def test_the_extent_of_a_folder_is_counted_without_following_links(tmp_path, outside) -> None:
    work = tmp_path / "work"
    (work / "a" / "b").mkdir(parents=True)
    (work / "a" / "b" / "file").write_bytes(bytes(1000))
    (work / "link").symlink_to(outside.parent)
    found = extent(work, 100, 100)
    assert (found.entries, found.depth) == (4, 2)
    assert 1000 <= found.bytes < 1000 + 300  # and the link's own
    nested(tmp_path / "deep", 50)
    assert extent(tmp_path / "deep", 100, 16).depth == 17
    for number in range(300):
        (work / str(number)).touch()
    assert extent(work, 100, 16).entries == 101


MUSIC = "\n{ c'4 d' e' f' }\n"
# Each is written by the source while LilyPond runs, in the folder of its output.
LEFT = {
    "records-link": '#(begin (delete-file "records.tsv") (symlink "OUTSIDE" "records.tsv"))',
    "records-pipe": '#(begin (delete-file "records.tsv") (mknod "records.tsv" \'fifo #o600 0))',
    "records-twice": '#(link "records.tsv" "again.tsv")',
    "pdf-link": '#(symlink "elsewhere.pdf" "book-1.pdf")',
    "pdf-folder": '#(mkdir "book-1.pdf")',
    "deep": '#(let ((here (getcwd))) (for-each (lambda (i) (mkdir "d") (chdir "d")) (iota 200)) (chdir here))',
    "many": '#(for-each (lambda (i) (close-port (open-output-file (format #f "f~a" i)))) (iota 2500))',
    "sparse": '#(for-each (lambda (n) (let ((p (open-output-file n))) (display "x" p) (force-output p)'
    ' (truncate-file p 15000000) (close-port p))) (list "a" "b"))',
    "wrong-number": '#(msmd-record "draw" 99999 0 0 1 1 0 0)',
    "no-number": '#(msmd-record "page" "nonsense" 1 1 1)',
    "power": '#(msmd-record "start" 0 "1e999999999" 0)',
    # These hurt nobody: what is ours is written elsewhere.
    "harmless": '#(for-each (lambda (name) (symlink "OUTSIDE" name))'
    ' (list "page-01.png" "score.pdf" "engraved-0.log"))',
}
WHY = {
    "records-link": ("broken-output", "records.tsv is a link"),
    "records-pipe": ("broken-output", "records.tsv is a pipe"),
    "records-twice": ("broken-output", "records.tsv is a file with several names"),
    "pdf-link": ("broken-output", "book-1.pdf is a link"),
    "pdf-folder": (None, "piece.ly"),
    "deep": ("output-limit", "folders 8 deep"),
    "many": ("output-limit", "2000 files"),
    "sparse": ("output-limit", "16 MiB"),
    "wrong-number": ("broken-output", "a drawn head that was not made"),
    "no-number": ("broken-output", "records.tsv is not a record that LilyPond wrote"),
    "power": ("broken-output", "1e999999999 is not an exact number"),
}


QUICK_ONES = {("records-link", True), ("pdf-link", False), ("harmless", True), ("deep", True)}


@pytest.mark.parametrize(
    ("name", "sandboxed"),
    [
        pytest.param(
            name,
            sandboxed,
            marks=() if (name, sandboxed) in QUICK_ONES else pytest.mark.slow,
            id=f"{name}-{'sandboxed' if sandboxed else 'open'}",
        )
        for name in LEFT
        for sandboxed in (True, False)
    ],
)
def test_what_a_source_leaves_costs_only_its_own_piece(
    tmp_path, outside, name: str, sandboxed: bool
) -> None:
    if sandboxed and not sandbox.sandbox_available():
        pytest.skip("no bubblewrap")
    folder = tmp_path / "work"
    folder.mkdir()
    source = folder / "piece.ly"
    left = LEFT[name].replace("OUTSIDE", str(outside))
    source.write_text(f'\\version "2.24.0"\n{left}{MUSIC}')
    engines = find_engines()[:1]
    if name in WHY:
        with pytest.raises(PieceError) as caught:
            engrave(source, folder, engines=engines, limits=QUICK, sandbox=sandboxed)
        reason, message = WHY[name]
        assert message in str(caught.value)
        assert reason in (None, caught.value.reason)
        assert SECRET.strip() not in str(caught.value) + caught.value.log
    else:
        engraving = engrave(source, folder, engines=engines, limits=QUICK, sandbox=sandboxed)
        assert engraving.pages[0].read_bytes().startswith(b"\x89PNG")
        assert engraving.pdf.read_bytes().startswith(b"%PDF")
        assert len(engraving.records.drawn) == 4
        assert engraving.pdf.parent == engraving.pages[0].parent
        assert engraving.pdf.parent.name.startswith("copies-")
    assert outside.read_text() == SECRET
    assert [path.name for path in outside.parent.iterdir()] == ["secret"]
    assert remove_tree(folder)


def test_processes_are_limited_together(tmp_path: Path) -> None:
    source = tmp_path / "piece.ly"
    text = '#(system "for i in $(seq 60); do sleep 30 & done; wait")\n'
    source.write_text(f'\\version "2.24.0"\n{text}{MUSIC}')
    with pytest.raises(PieceError, match="more than 32 processes") as caught:
        engrave(source, tmp_path, engines=find_engines()[:1], limits=QUICK, sandbox=False)
    assert caught.value.reason == "process-limit"


def test_in_the_sandbox_nothing_but_its_folder_is_writable(tmp_path: Path) -> None:
    if not sandbox.sandbox_available():
        pytest.skip("no bubblewrap")
    out = tmp_path / "out"
    out.mkdir()
    script = (
        "for place in / /tmp /dev /dev/shm /usr /etc /proc/sys/kernel; do"
        " (echo x > $place/left-by-a-test) 2> /dev/null && echo writable: $place; done;"
        " mount -o remount,bind,rw /usr 2> /dev/null && echo remounted;"
        " grep -q 'CapEff:.*[1-9a-f]' /proc/self/status && echo privileged;"
        " echo x > left; ulimit -u"
    )
    outcome = sandbox.run_limited(
        ["/bin/bash", "-c", script],
        out,
        readable=[],
        environment={"PATH": "/usr/bin:/bin"},
        limits=QUICK,
        sandbox=True,
    )
    assert outcome.log.splitlines() in (["32"], ["unlimited"])  # where there is no prlimit
    assert (out / "left").read_text() == "x\n"
    assert not (tmp_path / "out.log").exists()


def blank_pdf(path: Path, *pages: tuple[float, float]) -> Path:
    import pypdfium2

    document = pypdfium2.PdfDocument.new()
    for width, height in pages:
        document.new_page(width, height)
    document.save(path)
    return path


@pytest.mark.parametrize("shape", [(0.01, 14000), (1, 14000), (2, 14000)])
def test_pages_of_extreme_shape_are_refused_before_they_are_drawn(tmp_path, shape) -> None:
    pdf = blank_pdf(tmp_path / "book-1.pdf", (595, 842), shape)
    with pytest.raises(Untrusted, match=r"^page 2 is .* 14000 points: at 4000 pixels width more"):
        render_pages([pdf], tmp_path, 4000, 2)


def test_pages_are_as_many_as_were_recorded(tmp_path: Path) -> None:
    pdf = blank_pdf(tmp_path / "book-1.pdf", *[(595, 842)] * 3)
    with pytest.raises(Untrusted, match=r"^its PDF files have 3 pages, but LilyPond recorded 2"):
        render_pages([pdf], tmp_path, 200, 2)
    pages, sizes, _ = render_pages([pdf], tmp_path, 200, 3)
    assert [page.name for page in pages] == ["page-01.png", "page-02.png", "page-03.png"]
    assert sizes == [(200, 284)] * 3


def test_paper_of_any_usual_kind_is_drawn_at_any_width() -> None:
    for width in (200, 835, 10_000):
        assert most_pixels(width) >= width * width * 14 / 8.5  # legal is the longest
    assert most_pixels(835) >= 835 * 835 * 1.42 * 30  # thirty sheets in one


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("note\t0\t0\t\t0\t-1\t\t0\t0\n", "a repeat that is never played"),
        ("head\t0\t7\t0\t0\t1/4\t0\t0\t\tVoice\tNoteHead\n", "a head of no note"),
        ("draw\t0\t0\t0\t1\t1\t0\t0\n", "a drawn head that was not made"),
        ("staff\t0\t0\t0\t1\t1\t0\t0\n", "a drawing on no page"),
        ("page\t0\t1\t1\t1\nstaff\t0\tnan\t0\t1\t1\t0\t0\n", "a box beyond any page"),
        ("start\t0\t1/0\t0\n", r"Fraction\(1, 0\)"),
        ("start\t0\t9999999\t0\n", "9999999 whole notes"),
        ("tie\t1\n", "not enough values"),
        ("perform\t7\n", "0"),
        ("midi\t3\n", "the end of no performance"),
        ("system\t0\t0\t0\t1\n", "a drawing on no page"),
        (
            "page\t0\t1\t1\t1\nsystem\t0\t0\t0\t1\ncolumn\t0\t0\tnan\t2\t0\n",
            "a bar line beyond any",
        ),
        ("sheet\t0\t0\n", "a sheet of no note"),
        ("bar\t0\t-1\t1e9\t0\t1\t1\t4/4\n", "1e9 is not an exact number"),
        ("head\t0\t0\t0\t0\t1/4\t1e9\t0\t\tVoice\tNoteHead\n", "1e9 is not an exact number"),
    ],
)
def test_records_that_cannot_be_are_refused(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "records.tsv"
    path.write_text(line)
    with pytest.raises(
        Untrusted, match=f"^records.tsv is not a record that LilyPond wrote: .*{why}"
    ):
        read_records(path)
