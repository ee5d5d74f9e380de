"""What a model hears: the spectrogram of a performance, and its frames in seconds.

In: mono audio at 22,050 Hz. Out: (92, frames) of float16 at 20 frames a second.
Keep: every number of it: models and datasets depend on it bit for bit (tests/test_features_golden.npy).
"""

from msmdtools.features.spectrogram import (
    BANDS,
    FRAMES_PER_SECOND,
    SAMPLE_RATE,
    frame_count,
    frame_of,
    second_of,
    spectrogram,
    spectrogram_parts,
)

__all__ = [
    "BANDS",
    "FRAMES_PER_SECOND",
    "SAMPLE_RATE",
    "frame_count",
    "frame_of",
    "second_of",
    "spectrogram",
    "spectrogram_parts",
]
