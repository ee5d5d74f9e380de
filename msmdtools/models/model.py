"""Embed windows of sheet and of audio with a trained model: NumPy arrays in, NumPy arrays out.

    model = msmdtools.load_model("compact-4s")
    sheets = model.embed_sheet(images)  # uint8 (n, 160, 200) -> float32 (n, dim)
    audio = model.embed_audio(spectrograms)  # (n, 92, frames), or waveforms
    cosines = audio @ sheets.T

Importing this module needs no PyTorch; `load_model` does.
"""

from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import options
from msmdtools.base.damage import no_file
from msmdtools.errors import MsmdError
from msmdtools.features import BANDS, spectrogram
from msmdtools.models import config as configs
from msmdtools.models import require
from msmdtools.models.config import Config

if TYPE_CHECKING:
    from msmdtools.models.network import TwoTower

# Windows per forward pass: large enough for all processors, small enough for their caches.
_CHUNK = 64
PRECISIONS = ("32", "bf16")
RUN_WEIGHTS = "weights.safetensors"


class Model:
    """A network for inference, with its configuration. Made by `load_model`.

    Args:
        network: in evaluation mode; it is changed (batch normalisations go into convolutions).
        config: its configuration.
        made: what the weights were made with and from.
        device: device to run on, such as "cpu" or "cuda".
        precision: "32" bits, or "bf16": bfloat16 in convolutions, if the hardware has it.
        bundled: see below.

    Attributes:
        config: the model's configuration.
        made: what the weights were made with and from.
        name: the model's name.
        dim: dimensions of its embeddings.
        bundled: the name of its weights, if they are those that come with msmdtools; else "".
    """

    def __init__(
        self,
        network: "TwoTower",
        config: Config,
        made: dict[str, Any],
        device: str = "cpu",
        precision: str = "32",
        bundled: str = "",
    ) -> None:
        from msmdtools.models import towers

        if precision not in PRECISIONS:
            raise MsmdError(f"precision is {precision!r}; it must be '32' or 'bf16'")
        self.config, self.made = config, made
        self.name, self.dim = config.name, network.dim
        self.bundled = bundled
        self.device, self.precision = device, precision
        network.eval()
        towers.fold(network)
        try:
            self._network = network.to(device)
        except (RuntimeError, AssertionError) as error:
            what = str(error).splitlines()[0]
            raise MsmdError(f"device {device} cannot be used: {what}") from error

    def embed_sheet(self, images: NDArray[np.uint8] | Sequence[NDArray[np.uint8]]) -> NDArray[Any]:
        """Embed sheet windows: float32 (n, dim), of length 1.

        Args:
            images: uint8 (n, rows, columns), or a list of (rows, columns); 255 is white. Rows and
                columns are `config.sheet_shape`, of a page whose staves have the height that
                the model was trained on (`msmdtools.paper.staff_height`), with the staff system and the
                onset in the middle.

        Raises:
            MsmdError: they have another shape or type.
        """
        windows = _stacked(images, self.config.sheet_shape, "sheet windows", np.uint8)
        if windows.dtype != np.uint8:
            raise MsmdError(f"sheet windows are {windows.dtype}; give uint8, 255 for white")
        return self._run(self._network.embed_sheet, windows, self.dim)

    def embed_audio(self, audio: NDArray[Any] | Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Embed audio windows: float32 (n, dim), of length 1.

        Args:
            audio: spectrograms (n, 92, frames), or a list of (92, frames), as
                `msmdtools.features.spectrogram` makes them, the onset at frame `frames // 2`; or
                waveforms (n, samples), or a list of (samples,), mono at 22,050 Hz, as 16-bit integers
                or floats from -1 to 1. A waveform may have any length: the window is centred on its
                middle frame, with silence if it is too short.

        Raises:
            MsmdError: they have another shape or type.
        """
        return self._run(self._network.embed_audio, self.spectrograms(audio), self.dim)

    def attention(self, audio: NDArray[Any] | Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Compute the attention's weights: float32 (n, frames), each row summing to 1.

        Args:
            audio: as `embed_audio` takes it.

        Raises:
            MsmdError: the model has no attention, or the audio another shape or type.
        """
        windows = self.spectrograms(audio)
        return self._run(self._network.attention, windows, self.config.frames)

    def spectrograms(self, audio: NDArray[Any] | Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Make the windows (n, 92, frames) that `embed_audio` embeds. Raises MsmdError as it does."""
        if _are_waveforms(audio):
            if isinstance(audio, np.ndarray) and audio.shape == self.config.audio_shape:
                raise MsmdError("audio is one spectrogram; give spectrogram[np.newaxis]")
            return np.stack([_centred(wave, self.config.frames) for wave in audio])
        windows = _stacked(audio, self.config.audio_shape, "spectrograms", np.float16)
        if windows.dtype.kind != "f":
            raise MsmdError(f"spectrograms are {windows.dtype}; give float16 or float32")
        return windows

    def _run(self, embed: Callable[[Any], Any], windows: NDArray[Any], width: int) -> NDArray[Any]:
        import torch

        result = np.empty((len(windows), width), np.float32)
        bf16 = self.precision == "bf16"
        with (
            torch.inference_mode(),
            torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=bf16),
        ):
            for start in range(0, len(windows), _CHUNK):
                chunk = np.ascontiguousarray(windows[start : start + _CHUNK])
                if not chunk.flags.writeable:  # PyTorch warns of arrays that it must not write
                    chunk = chunk.copy()
                embeddings = embed(torch.from_numpy(chunk).to(self.device))
                result[start : start + len(chunk)] = embeddings.float().cpu().numpy()
        return result


def load_model(name_or_path: str | Path, device: str | None = None, precision: str = "32") -> Model:
    """Load a trained model by its name, from a file, or from a run.

    Args:
        name_or_path: a name of `bundled`, a .safetensors file, or a run folder of `msmd train`.
        device: device to run on; None for a GPU if there is one, else the processor.
        precision: "32", or "bf16", which is faster if the hardware has bfloat16.

    Returns:
        The model.

    Raises:
        MsmdError: there are no such weights, they are damaged or of another format, there is no such
            device, or PyTorch is not installed.
    """
    require(f"model {name_or_path}")
    path = find(name_or_path)
    import torch

    from msmdtools.models import bundle

    network, config, made = bundle.load(path)
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    name = str(name_or_path)
    return Model(network, config, made, device, precision, name if name in bundled() else "")


def bundled() -> list[str]:
    """List the models whose weights come with msmdtools."""
    folder = Path(str(files("msmdtools.models"))) / "weights"
    return sorted(path.stem for path in folder.glob("*.safetensors"))


def find(name_or_path: str | Path) -> Path:
    """Find the file of a model's weights. Raises MsmdError if there is none."""
    where = str(name_or_path)
    if where in bundled():
        return Path(str(files("msmdtools.models"))) / "weights" / f"{where}.safetensors"
    path = Path(where)
    if path.is_dir():
        if (path / RUN_WEIGHTS).is_file():
            return path / RUN_WEIGHTS
        raise MsmdError(
            f"{where}: no {RUN_WEIGHTS} in this folder; name a run that msmd train has made"
        )
    if path.suffix == ".safetensors" or len(path.parts) > 1:
        if path.is_file():
            return path
        raise MsmdError(f"{where}: {no_file(where)}")
    if where in configs.names():
        raise MsmdError(
            f"{where} comes without weights; train it with msmd train SNIPPETS --model {where} "
            "--out RUN and name RUN"
        )
    raise options.unknown("model", where, list(dict.fromkeys([*bundled(), *configs.names()])))


def _are_waveforms(audio: NDArray[Any] | Sequence[NDArray[Any]]) -> bool:
    return len(audio) > 0 and np.ndim(audio[0]) == 1


def _stacked(
    arrays: NDArray[Any] | Sequence[NDArray[Any]], shape: tuple[int, int], what: str, empty: type
) -> NDArray[Any]:
    """Stack the windows to one array (n, rows, columns)."""
    expected = f"(n, {shape[0]}, {shape[1]})"
    if isinstance(arrays, np.ndarray):
        if arrays.ndim != 3 or arrays.shape[1:] != shape:
            hint = "; add a first axis" if arrays.shape == shape else ""
            raise MsmdError(f"{what} have shape {arrays.shape}; the model takes {expected}{hint}")
        return arrays
    for number, window in enumerate(arrays):
        if np.shape(window) != shape:
            raise MsmdError(
                f"{what}: number {number} has shape {np.shape(window)}; the model takes {shape}"
            )
    return np.stack(arrays) if len(arrays) else np.empty((0, *shape), empty)


def _centred(wave: NDArray[Any], frames: int) -> NDArray[np.float16]:
    """Cut the spectrogram window (92, frames) around the middle frame of a waveform."""
    whole = spectrogram(_samples(wave))
    window = np.zeros((BANDS, frames), np.float16)
    first = whole.shape[1] // 2 - frames // 2
    low, high = max(first, 0), min(first + frames, whole.shape[1])
    window[:, low - first : high - first] = whole[:, low:high]
    return window


def _samples(wave: NDArray[Any]) -> NDArray[np.int16]:
    """Convert a waveform to 16-bit integers."""
    wave = np.asarray(wave)
    if wave.ndim != 1:
        raise MsmdError(f"a waveform has shape {wave.shape}; give mono audio, (samples,)")
    if wave.dtype == np.int16:
        return wave
    if wave.dtype.kind != "f":
        raise MsmdError(f"a waveform is {wave.dtype}; give int16, or floats from -1 to 1")
    if not np.isfinite(wave).all() or np.abs(wave).max(initial=0) > 1.5:
        raise MsmdError("a waveform of floats has values beyond -1 to 1; scale it, or give int16")
    samples: NDArray[np.int16] = np.round(np.clip(wave, -1, 1) * np.iinfo(np.int16).max).astype(
        np.int16
    )
    return samples
