"""Declare options once: each is a field of a frozen dataclass with its default, meaning, unit and range.

    @dataclass(frozen=True, slots=True)
    class Print:
        width: int = option("width of a page in pixels", 835, low=200, high=10_000, unit="pixels")

The declaration is used to check values (`check`), to read tables and TOML files (`table`, `read_toml`), to
parse texts (`read`), and to make the tables of the documentation and the options of a command with their
help and defaults (`msmdtools.cli.options`).
"""

import dataclasses
import difflib
import numbers
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from msmdtools.base.damage import why
from msmdtools.errors import MsmdError

_KEY = "option"
_Table = TypeVar("_Table")


@dataclass(frozen=True, slots=True)
class Option:
    """The declaration of an option, apart from its type and default.

    Attributes:
        meaning: what it is, as a phrase.
        low, high: of a number, or of each number of several: the least and the most.
        above: of a number: it must be more than this.
        choices: of a text: the texts that are allowed.
        unit: of a number: "pixels".
        allowed: the allowed values in words, if unit, range or choices do not describe them well.
        name: in TOML files, and on the command line with - for _; "" for the name of the field.
        read: parses a value as a user writes it. Raises MsmdError, without the name.
        shown: the default as a user would write it, or a description of it: "one per core".
        form: stands for a value in help: "LIST".
        is_path: whether it is a file or folder, even if its type does not say so.
    """

    meaning: str
    low: float | None = None
    high: float | None = None
    above: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    allowed: str = ""
    name: str = ""
    read: Callable[[object], Any] | None = None
    shown: str | Callable[[Any], str] = ""
    form: str = ""
    is_path: bool = False


@dataclass(frozen=True, slots=True)
class Declared:
    """An option of a dataclass.

    Attributes:
        option: its declaration.
        field: name of the field.
        type: type of the field, without None.
        default: default of the field.
        optional: whether the field may be None.
    """

    option: Option
    field: str
    type: Any
    default: Any
    optional: bool

    @property
    def name(self) -> str:
        """Its name in TOML files, and on the command line with - for _."""
        return self.option.name or self.field

    @property
    def is_path(self) -> bool:
        """Whether it is a file or folder."""
        return self.option.is_path or self.type is Path

    @property
    def default_text(self) -> str:
        """The default as a user would write it, or a description of it; "" if there is none."""
        shown = self.option.shown
        if callable(shown):
            return shown(self.default)
        if shown or self.default is None or self.default is dataclasses.MISSING:
            return shown
        return f"{self.default:g}" if isinstance(self.default, float) else str(self.default)


def option(
    meaning: str,
    default: Any = dataclasses.MISSING,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    *,
    factory: Any = dataclasses.MISSING,
    **more: Any,
) -> Any:
    """Declare an option: the field of a dataclass.

    Args:
        meaning: what it is, as a phrase.
        default: its default value.
        low, high: the least and the most of a number, or of each number of several.
        choices: the texts that are allowed.
        factory: makes the default, instead of one that cannot be shared.
        more: further attributes of `Option`.

    Returns:
        The field.
    """
    about = Option(meaning, low, high, choices=choices, **more)
    if factory is not dataclasses.MISSING:
        return dataclasses.field(default_factory=factory, metadata={_KEY: about})
    return dataclasses.field(default=default, metadata={_KEY: about})


def declared(kind: type) -> list[Declared]:
    """List the options of a dataclass, in its order; other fields are left out."""
    hints = typing.get_type_hints(kind)
    options = []
    for field in dataclasses.fields(kind):
        if _KEY in field.metadata:
            type_, optional = _without_none(hints[field.name])
            default = field.default
            if field.default_factory is not dataclasses.MISSING:
                default = field.default_factory()
            options.append(Declared(field.metadata[_KEY], field.name, type_, default, optional))
    return options


def names(*kinds: type) -> set[str]:
    """The names of the options of dataclasses."""
    return {declaration.name for kind in kinds for declaration in declared(kind)}


def check(options: Any, table: str | None = None) -> None:
    """Check that each option of a dataclass's instance has an allowed value.

    Args:
        options: an instance of the dataclass.
        table: the name of the table that the options are in, "" for none; None for options of a
            command. The messages differ: "loss.margin is 3; it must be a number from 0 to 2",
            "width: 10 is not allowed; give pixels from 200 to 10000".

    Raises:
        MsmdError: a value is not allowed; the message names the option.
    """
    for declaration in declared(type(options)):
        value = getattr(options, declaration.field)
        if not (value is None and declaration.optional):
            _check(declaration, value, table)


def require(condition: bool, name: str, value: object, allowed: str) -> None:
    """Check that an option of a command has an allowed value.

    Args:
        condition: whether it has.
        name: name of the option.
        value: its value.
        allowed: the allowed values in words, for the message.

    Raises:
        MsmdError: `condition` is false.
    """
    if not condition:
        raise MsmdError(f"{name}: {value!r} is not allowed; give {allowed}")


def read(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Parse the values of a dataclass's options, which are as a user writes them.

    Returns:
        The values of the dataclass's fields.

    Raises:
        MsmdError: there is no such option, or a value is not understood.
    """
    options = {declaration.name: declaration for declaration in declared(kind)}
    fields = {}
    for name, value in values.items():
        if name not in options:
            raise unknown("option", name, options)
        declaration = options[name]
        try:
            read_value = declaration.option.read or (Path if declaration.type is Path else None)
            fields[declaration.field] = read_value(value) if read_value else value
        except MsmdError as error:
            raise MsmdError(f"{name}: {error}") from error.__cause__
    return fields


def read_toml(path: Path, *kinds: type) -> dict[str, Any]:
    """Read the options in a TOML file, by their names, for `read`.

    "keep-audio" may also be written keep_audio. Relative paths are relative to the file's folder.

    Args:
        path: the file.
        kinds: the dataclasses whose options the file may have.

    Raises:
        MsmdError: the file cannot be read, has an unknown key, or a value of the wrong type.
    """
    try:
        with open(path, "rb") as file:
            content = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = error if isinstance(error, tomllib.TOMLDecodeError) else why(error)
        raise MsmdError(f"{path}: {reason}") from error
    options = {declaration.name: declaration for kind in kinds for declaration in declared(kind)}
    values = {key.replace("-", "_"): value for key, value in content.items()}
    if strange := sorted(values.keys() - options.keys()):
        raise MsmdError(
            f"{path}: unknown option {', '.join(strange)} (there are: {', '.join(sorted(options))})"
        )
    for key, value in values.items():
        if not options[key].option.read and not _fits(value, options[key]):
            raise MsmdError(
                f"{path}: {key} = {value!r} has the wrong type; give {_noun(options[key])}"
            )
        if options[key].is_path:
            values[key] = str(path.parent / value)
    return values


def table(kind: type[_Table], values: Mapping[str, Any], where: str) -> _Table:
    """Make an instance of a dataclass from a table of a TOML file, and check it.

    Args:
        kind: the dataclass.
        values: the table.
        where: the table's name, for messages.

    Returns:
        The instance.

    Raises:
        MsmdError: there is no such option, or its value is not allowed.
    """
    options = {declaration.field: declaration for declaration in declared(kind)}
    fields = {}
    for name, value in values.items():
        if name not in options:
            raise unknown("option", name, options, where)
        _check(options[name], value, where)
        fields[name] = _plain_to_field(value, options[name].type)
    try:
        return kind(**fields)
    except MsmdError as error:
        message = str(error)
        raise MsmdError(message if where in message else f"{where}: {message}") from None


def plain(options: Any) -> dict[str, Any]:
    """Convert the options of a table to plain values, which JSON and `table` take."""
    values = dataclasses.asdict(options)
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def unknown(what: str, name: str, known: Iterable[str], table: str = "") -> MsmdError:
    """Make the error for an unknown name, with the most similar known name.

    Args:
        what: the noun of what is named, such as "option".
        name: the unknown name.
        known: the known names.
        table: name of the table that the name is in; "" for none.

    Returns:
        The error, to be raised.
    """
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    every = f"there are {', '.join(names)}" if names else "there are none here"
    prefix = f"{table}." if table else ""
    hint = f"did you mean {prefix}{near[0]}?" if near else every
    return MsmdError(f"no {what} {prefix}{name}; {hint}")


def _without_none(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        rest = [part for part in typing.get_args(hint) if part is not type(None)]
        return (rest[0] if len(rest) == 1 else hint), len(rest) < len(typing.get_args(hint))
    return hint, False


def _check(declaration: Declared, value: Any, table: str | None) -> None:
    several = typing.get_origin(declaration.type) is tuple and declaration.option.low is not None
    if several and not isinstance(value, (list, tuple)):
        _refuse(declaration, value, table, "a list of numbers")
    for part in value if several else [value]:
        if not _allowed(declaration, part):
            _refuse(declaration, part, table, _phrase(declaration, quoted=table is not None))


def _allowed(declaration: Declared, value: Any) -> bool:
    limits = declaration.option
    if limits.choices:
        return value in limits.choices
    if declaration.type is bool:
        return isinstance(value, bool)
    if limits.low is None and limits.above is None:
        return True
    whole = int in (declaration.type, *typing.get_args(declaration.type))
    right = isinstance(value, numbers.Integral if whole else numbers.Real)
    return (
        right
        and not isinstance(value, bool)
        and (limits.low is None or value >= limits.low)
        and (limits.above is None or value > limits.above)
        and (limits.high is None or value <= limits.high)
    )


def _phrase(declaration: Declared, quoted: bool) -> str:
    """The allowed values in words."""
    limits = declaration.option
    if limits.allowed:
        return limits.allowed
    if limits.choices:
        texts = [repr(choice) if quoted else choice for choice in limits.choices]
        return " or ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)
    if declaration.type is bool:
        return "true or false"
    whole = int in (declaration.type, *typing.get_args(declaration.type))
    noun = "a whole number" if whole else "a number"
    if not quoted:
        several = typing.get_origin(declaration.type) is tuple
        noun = limits.unit or ("numbers" if several else noun)
    if limits.above is not None:
        above = f"{limits.above:g}"
        return f"{limits.unit} above {above}" if limits.unit else f"more than {above}"
    if limits.high is None:
        return f"{noun} of at least {limits.low:g}"
    return f"{noun} from {limits.low:g} to {limits.high:g}"


def _refuse(declaration: Declared, value: Any, table: str | None, allowed: str) -> None:
    if table is None:
        require(False, declaration.name, value, allowed)
    name = f"{table}.{declaration.field}" if table else declaration.field
    raise MsmdError(f"{name} is {value!r}; it must be {allowed}")


def _fits(value: Any, declaration: Declared) -> bool:
    """Whether a value of a TOML file has an option's type."""
    if declaration.type is bool or isinstance(value, bool):
        return declaration.type is bool and isinstance(value, bool)
    kinds = {float: (int, float), int: (int,)}.get(declaration.type, (str,))
    return isinstance(value, kinds)


def _noun(declaration: Declared) -> str:
    """What a TOML file has to give for an option, in words."""
    nouns = {bool: "true or false", int: "a whole number", float: "a number"}
    return nouns.get(declaration.type, "a text in quotation marks")


def _plain_to_field(value: Any, type_: Any) -> Any:
    if typing.get_origin(type_) is tuple:
        return tuple(value)
    return float(value) if type_ is float else value
