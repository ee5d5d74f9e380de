"""Make a recording a performance of a piece: read it, and find when its bars and notes are played."""

from msmdtools.dataset.reader import DatasetPiece
from msmdtools.performance import ANNOTATED, ESTIMATED, Performance, PerformanceSpec
from msmdtools.performed import reading_marks
from msmdtools.performed.marks import Bars
from msmdtools.performed.playing import playing
from msmdtools.performed.recording import Recorded, Recording, model_name
from msmdtools.performed.score_time import ScoreTime
from msmdtools.recorded import estimate, sound


def record(recording: Recording, piece: DatasetPiece) -> Recorded:
    """Read a recording, write its spectrogram and perhaps its audio, and find when the piece is played in it.

    Raises:
        PieceError: the recording or its marks cannot be read, or are of another piece.
        MsmdError: there is no such model, or PyTorch is not installed.
        DatasetError: a file of the dataset is missing or damaged.
    """
    bars, score = Bars.of(piece), ScoreTime.of(piece)
    if recording.marks is not None:
        by, anchors = reading_marks.read(recording.marks, bars, score.order(bars))
    written = sound.write(recording.file, recording.folder, keep_audio=recording.keep_audio)
    if recording.marks is None:
        by = model_name(recording.model)
        file = recording.folder / sound.SPECTROGRAM
        anchors = estimate.anchors(piece, file, recording.model, bars)
    performance = Performance(
        spec=PerformanceSpec(1.0, "", None, None),
        soundfont_sha256="",
        events=(),
        duration_s=written.duration_s,
        frames=written.frames,
        midi_sha256="",
        spectrogram_sha256=written.spectrogram_sha256,
        audio_sha256=written.audio_sha256,
        audio_gain=1 if written.audio_sha256 else 0,
        alignment=ESTIMATED if recording.marks is None else ANNOTATED,
    )
    return Recorded(playing(anchors, bars, score, written.duration_s), by, performance)
