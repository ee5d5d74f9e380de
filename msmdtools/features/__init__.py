"""What a model hears: the spectrogram of a performance, and its frames in seconds."""

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
