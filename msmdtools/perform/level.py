"""The level of audio files: a whole number of times louder than the samples behind the spectrogram.

A synthesizer leaves room for an orchestra at its loudest, so most music uses a few of its 16 bits.
The file has the same sound `GAIN` times as loud, from before it was rounded. The factor is odd, and each
sample is limited to the values nearest to `GAIN` times its rounded one: so dividing by the factor and
rounding gives exactly the samples that the spectrogram is made of.
"""

import re

import numpy as np
import numpy.typing as npt

# 19 dB: all of the music that was measured for docs/performances.md fits, and stays 1 dB below full scale.
GAIN = 9
_FULL = 32767
_COMMENT = "msmdtools gain"


def fitting(peak: float) -> int:
    """The gain for audio whose loudest sample, in steps of 16 bits, is `peak`: `GAIN` if it fits."""
    largest = int(_FULL // max(peak, 1.0))
    return max(1, min(GAIN, largest if largest % 2 else largest - 1))


def rounded(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """The samples of 16 bits that a spectrogram is made of."""
    return np.clip(np.rint(sound), -_FULL - 1, _FULL).astype(np.int16)


def levelled(sound: npt.NDArray[np.float32], gain: int) -> npt.NDArray[np.int16]:
    """The samples of the file, 16 bits. Samples that are too loud are cut off; see `fitting`."""
    exact = gain * rounded(sound).astype(np.int32)
    near = np.rint(sound * np.float32(gain)).astype(np.int32)
    limited = np.clip(near, exact - gain // 2, exact + gain // 2)
    samples: npt.NDArray[np.int16] = np.clip(limited, -_FULL - 1, _FULL).astype(np.int16)
    return samples


def as_rendered(amplified: npt.NDArray[np.int16], gain: int) -> npt.NDArray[np.int16]:
    """The samples that the spectrogram is made of, computed from those of the file."""
    samples: npt.NDArray[np.int16] = np.rint(
        amplified.astype(np.float32) / np.float32(gain)
    ).astype(np.int16)
    return samples


def comment(gain: int) -> str:
    """The comment in an audio file that records its gain."""
    return f"{_COMMENT} {gain}"


def of_comment(text: str) -> int:
    """The gain that the comment of an audio file records; 1 for any other comment."""
    match = re.fullmatch(rf"{_COMMENT} (\d{{1,2}})", text.strip())
    gain = int(match[1]) if match else 1
    return gain if 1 <= gain <= GAIN and gain % 2 else 1
