"""Write spectrograms and audio to files part by part, while they are made."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from msmdtools.base.files import replacing
from msmdtools.features.spectrogram import BANDS, SAMPLE_RATE
from msmdtools.perform import level

_FRAMES = 8192  # of a spectrogram, held until they are written: 1.5 MB


def write_spectrogram(path: Path, parts: Iterable[npt.NDArray[np.float16]], frames: int) -> None:
    """Write a spectrogram that comes in parts, as the one array that `np.save` would write.

    Args:
        path: the .npy file.
        parts: arrays of shape (92, frames of the part), in order.
        frames: number of frames in all.

    Raises:
        ValueError: the parts do not have that many frames in all.
    """
    with replacing(path) as temporary, open(temporary, "wb") as file:
        header = {"descr": "<f2", "fortran_order": False, "shape": (BANDS, frames)}
        np.lib.format.write_array_header_1_0(file, header)
        start, written = file.tell(), 0
        file.truncate(start + 2 * BANDS * frames)
        for part in _gathered(parts):
            if written + part.shape[1] > frames:
                raise ValueError(f"more than {frames} frames for {path.name}")
            for band, row in enumerate(part):
                file.seek(start + 2 * (band * frames + written))
                file.write(row.astype("<f2").tobytes())
            written += part.shape[1]
        if written != frames:
            raise ValueError(f"{written} frames for {path.name}, not {frames}")


def _gathered(parts: Iterable[npt.NDArray[np.float16]]) -> Iterator[npt.NDArray[np.float16]]:
    """Parts put together to about `_FRAMES`: rows of a few frames are slow to write."""
    held: list[npt.NDArray[np.float16]] = []
    for part in parts:
        held.append(part)
        if sum(p.shape[1] for p in held) >= _FRAMES:
            yield np.concatenate(held, axis=1)
            held = []
    if held:
        yield np.concatenate(held, axis=1)


@contextmanager
def copied_to_flac(
    blocks: Iterable[npt.NDArray[np.float32]], path: Path | None, gain: int
) -> Iterator[Iterator[npt.NDArray[np.int16]]]:
    """Yield blocks of audio, rounded to 16 bits, and write each to a FLAC file when it is taken.

    Args:
        blocks: mono audio, 22,050 Hz, in steps of 16 bits.
        path: the file, which gets its name at the end of the context; None for no file.
        gain: the factor by which the file is louder.

    Yields:
        The blocks, rounded, as they were before the gain.
    """
    with ExitStack() as stack:
        if path is None:
            yield map(level.rounded, blocks)
            return
        import soundfile

        temporary = stack.enter_context(replacing(path))
        file = stack.enter_context(
            soundfile.SoundFile(temporary, "w", SAMPLE_RATE, 1, "PCM_16", format="FLAC")
        )
        file.comment = level.comment(gain)

        def copying() -> Iterator[npt.NDArray[np.int16]]:
            for block in blocks:
                file.write(level.levelled(block, gain))
                yield level.rounded(block)

        yield copying()
