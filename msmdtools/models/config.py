"""Read a model's configuration: a TOML file with its windows, towers, projection, loss and training.

The configurations that come with msmdtools are the files of `msmdtools/models/configs`, named after
the models. Any other file of the same form will do too. docs/models.md lists every option.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from msmdtools.base import options
from msmdtools.base.damage import no_file
from msmdtools.errors import MsmdError
from msmdtools.features.spectrogram import BANDS, FRAMES_PER_SECOND
from msmdtools.loading import augment
from msmdtools.loading.augment import Augment
from msmdtools.models.options import (
    KINDS,
    Cca,
    Loss,
    Projection,
    Sheet,
    Soft,
    Tower,
    Training,
)

_TABLES = (
    "sheet",
    "sheet_tower",
    "audio_tower",
    "attention",
    "projection",
    "loss",
    "training",
    "augment",
)
_NEEDED = ("sheet_tower", "audio_tower", "projection", "loss")


@dataclass(frozen=True, slots=True)
class Config:
    """What a model is and how it is trained.

    Attributes:
        name: the model's name.
        context_s: length of the audio window in seconds.
        sheet: the sheet window.
        sheet_tower, audio_tower: the network of each side.
        attention: over the frames of the audio; None for no attention.
        projection: from the towers' features to the embedding.
        loss: what training minimises.
        training: how it is trained.
        augment: what is varied in training.
    """

    name: str
    context_s: float
    sheet: Sheet
    sheet_tower: Tower
    audio_tower: Tower
    projection: Projection
    loss: Loss
    attention: Soft | None = None
    training: Training = field(default_factory=Training)
    augment: Augment = augment.OFF

    @property
    def frames(self) -> int:
        """Frames of the audio window; the onset is at frame `frames // 2`."""
        return round(self.context_s * FRAMES_PER_SECOND)

    @property
    def sheet_shape(self) -> tuple[int, int]:
        """Rows and columns of a sheet window as it is stored, before it is scaled."""
        return self.sheet.rows, self.sheet.columns

    @property
    def audio_shape(self) -> tuple[int, int]:
        """Bands and frames of an audio window."""
        return BANDS, self.frames

    def to_json(self) -> dict[str, Any]:
        """The configuration as plain values, which `from_mapping` takes."""
        values: dict[str, Any] = {"name": self.name, "context_s": self.context_s}
        values["sheet"] = options.plain(self.sheet)
        for table in ("sheet_tower", "audio_tower", "attention", "projection", "loss"):
            value = getattr(self, table)
            if value is not None:
                kind = next(k for k, c in KINDS[table].items() if type(value) is c)
                values[table] = {"kind": kind, **options.plain(value)}
        values["training"] = options.plain(self.training)
        parts = {name: options.plain(getattr(self.augment, name)) for name in ("sheet", "audio")}
        values["augment"] = {
            name: {k: v for k, v in part.items() if v} for name, part in parts.items()
        }
        return values


def names() -> list[str]:
    """List the configurations that come with msmdtools."""
    folder = files("msmdtools.models") / "configs"
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )


def load(name_or_path: str | Path) -> Config:
    """Load the configuration of a model by its name, or from a TOML file; a Path is always a file.

    Raises:
        MsmdError: there is no such configuration or file, it is not TOML, has an unknown name, or a
            value that is out of range.
    """
    where = str(name_or_path)
    if isinstance(name_or_path, Path) or where.endswith(".toml") or "/" in where:
        path: Any = Path(where)
        if not path.is_file():
            raise MsmdError(f"{where}: {no_file(where)}")
    elif where in names():
        path = files("msmdtools.models") / "configs" / f"{where}.toml"
    else:
        raise options.unknown("model", where, names())
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MsmdError(f"{where}: not a TOML file: {error}") from error
    try:
        return from_mapping({"name": Path(where).stem, **content})
    except MsmdError as error:
        raise MsmdError(f"{where}: {error}") from error


def from_mapping(content: Mapping[str, Any]) -> Config:
    """Make a configuration from the content of a TOML file.

    Raises:
        MsmdError: something is missing or unknown, or a value is out of range.
    """
    for key in content:
        if key not in ("name", "context_s", *_TABLES):
            raise options.unknown("table", key, ("name", "context_s", *_TABLES))
    for key in ("name", "context_s", *_NEEDED):
        if key not in content:
            missing = key if key in ("name", "context_s") else f"table [{key}]"
            raise MsmdError(f"no {missing}; a model needs name, context_s and {_tables(_NEEDED)}")
    name, context_s = content["name"], content["context_s"]
    if not isinstance(name, str) or not name or "/" in name:
        raise MsmdError(f"name is {name!r}; it must be a text without /")
    number = isinstance(context_s, (int, float)) and not isinstance(context_s, bool)
    if not number or not 0.05 <= context_s <= 60:
        raise MsmdError(f"context_s is {context_s!r}; it must be a number from 0.05 to 60")
    config = Config(
        name=name,
        context_s=float(context_s),
        sheet=options.table(Sheet, _mapping(content, "sheet"), "sheet"),
        attention=_kind(content, "attention") if "attention" in content else None,
        training=options.table(Training, _mapping(content, "training"), "training"),
        augment=_augment(content.get("augment", {})),
        **{table: _kind(content, table) for table in _NEEDED},
    )
    return _checked(config)


def _kind(content: Mapping[str, Any], table: str) -> Any:
    values = dict(_mapping(content, table))
    kind = values.pop("kind", None)
    if kind not in KINDS[table]:
        if kind is None:
            raise MsmdError(f"no {table}.kind; there are {', '.join(KINDS[table])}")
        raise options.unknown(f"{table} of kind", str(kind), KINDS[table])
    return options.table(KINDS[table][kind], values, table)


def _mapping(content: Mapping[str, Any], table: str) -> Mapping[str, Any]:
    values = content.get(table, {})
    if not isinstance(values, Mapping):
        raise MsmdError(f"{table} is not a table; write [{table}] above its options")
    return values


def _augment(values: Any) -> Augment:
    if isinstance(values, str):
        if values not in augment.PRESETS:
            raise options.unknown("augmentation", values, augment.PRESETS)
        return augment.PRESETS[values]
    if not isinstance(values, Mapping):
        raise MsmdError("augment is neither a name nor a table; write [augment.sheet]")
    try:
        return augment.from_mapping(dict(values))
    except MsmdError as error:
        raise MsmdError(f"augment: {error}") from error


def _checked(config: Config) -> Config:
    training = config.training
    if training.onsets_per_piece and training.batch_size % training.onsets_per_piece:
        raise MsmdError(
            f"training.batch_size is {training.batch_size}, which is not a multiple of "
            f"training.onsets_per_piece, {training.onsets_per_piece}"
        )
    if training.refit_cca and not isinstance(config.projection, Cca):
        raise MsmdError(
            "training.refit_cca needs [projection] kind = 'cca'; leave it out or change the projection"
        )
    rows, columns = config.sheet_shape
    if rows % config.sheet.reduction or columns % config.sheet.reduction:
        raise MsmdError(
            f"a sheet window of {rows} x {columns} px cannot be scaled by {config.sheet.scale:g}; "
            "use a multiple"
        )
    return config


def _tables(names: tuple[str, ...]) -> str:
    return ", ".join(f"[{name}]" for name in names)
