"""Options declared once: what is checked, read and shown follows from the declaration."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from msmdtools.base import options
from msmdtools.base.options import option
from msmdtools.base.quantities import format_bytes, parse_bytes
from msmdtools.build.options import BuildOptions
from msmdtools.build.options import Places as BuildPlaces
from msmdtools.cli import COMMANDS, main
from msmdtools.cli import options as of_commands
from msmdtools.errors import MsmdError
from msmdtools.snippets.options import Places, SnippetOptions, SplitOptions
from msmdtools.splits.splits import SplitByWork
from msmdtools.training.options import TrainOptions


@dataclass(frozen=True, slots=True)
class Print:
    width: int = option("width of a page in pixels", 835, 200, 10_000, unit="pixels")
    scale: float | None = option("how much larger", None, above=0, shown="as it is")
    steps: tuple[int, ...] = option("sizes", (1, 2), 1)
    colour: bool = option("print in colour", False)
    fold: bool = option("fold the sheets", True)
    paper: str = option("its size", "a4", choices=("a3", "a4", "a5"))
    bytes: int = option(
        "how large", 1 << 20, 1, name="size", read=parse_bytes, shown=format_bytes, form="SIZE"
    )
    font: Path | None = option("the font's file", None)
    note: int = 3


@pytest.mark.parametrize(
    ("value", "of_command", "of_table"),
    [
        ({"width": 10}, "width: 10 is not allowed; give pixels from 200 to 10000", None),
        (
            {"width": 10},
            None,
            "page.width is 10; it must be a whole number from 200 to 10000",
        ),
        (
            {"width": True},
            "width: True is not allowed; give pixels from 200 to 10000",
            "page.width is True; it must be a whole number from 200 to 10000",
        ),
        (
            {"scale": 0},
            "scale: 0 is not allowed; give more than 0",
            "page.scale is 0; it must be more than 0",
        ),
        (
            {"steps": (2, 0)},
            "steps: 0 is not allowed; give numbers of at least 1",
            "page.steps is 0; it must be a whole number of at least 1",
        ),
        (
            {"colour": 1},
            "colour: 1 is not allowed; give true or false",
            "page.colour is 1; it must be true or false",
        ),
        (
            {"paper": "letter"},
            "paper: 'letter' is not allowed; give a3, a4 or a5",
            "page.paper is 'letter'; it must be 'a3', 'a4' or 'a5'",
        ),
        ({"bytes": 0}, "size: 0 is not allowed; give a whole number of at least 1", None),
    ],
)
def test_what_is_not_allowed(value: dict, of_command: str | None, of_table: str | None) -> None:
    for table, message in ((None, of_command), ("page", of_table)):
        if message:
            with pytest.raises(MsmdError) as raised:
                options.check(Print(**value), table)
            assert str(raised.value) == message


def test_what_is_allowed() -> None:
    options.check(Print())
    options.check(Print(width=200, scale=0.1, steps=(5,), paper="a3", note="any"))


def test_values_as_a_user_gives_them() -> None:
    assert options.read(Print, {"size": "2M", "font": "a.sf2", "width": 300}) == {
        "bytes": 2 << 20,
        "font": Path("a.sf2"),
        "width": 300,
    }
    with pytest.raises(MsmdError, match=r"^size: 'much' is not a size such as 512M or 4G$"):
        options.read(Print, {"size": "much"})
    with pytest.raises(MsmdError, match=r"^no option widht; did you mean width\?$"):
        options.read(Print, {"widht": 3})


def test_a_toml_file(tmp_path: Path) -> None:
    file = tmp_path / "print.toml"
    file.write_text('width = 900\nscale = 2\nfont = "a.sf2"\nsize = "1G"\n')
    values = options.read_toml(file, Print)
    assert values == {"width": 900, "scale": 2, "font": str(tmp_path / "a.sf2"), "size": "1G"}
    for text, message in (
        ("note = 1", "unknown option note (there are: colour, fold, font, paper, scale, size,"),
        ("scale = '2'", "scale = '2' has the wrong type; give a number"),
        ("colour = 1", "colour = 1 has the wrong type; give true or false"),
    ):
        file.write_text(text)
        with pytest.raises(MsmdError) as raised:
            options.read_toml(file, Print)
        assert str(raised.value).startswith(f"{file}: {message}")


def test_a_command_has_the_options_with_help_and_defaults() -> None:
    @click.command()
    @of_commands.of(Print, but=["steps"])
    @click.pass_context
    def command(ctx: click.Context, **_: object) -> None:
        click.echo(json.dumps(of_commands.specified(ctx, Print)))

    text = " ".join(CliRunner().invoke(command, ["--help"]).output.split())
    for part in (
        "--width INTEGER Width of a page in pixels. [default: 835]",
        "--scale FLOAT How much larger. [default: (as it is)]",
        "--colour Print in colour. --fold / --no-fold Fold the sheets. [default: fold]",
        "--paper [a3|a4|a5] Its size. [default: a4]",
        "--size SIZE How large. [default: 1M]",
        "--font PATH The font's file. --help",
    ):
        assert part in text, text
    assert CliRunner().invoke(command, []).output == "{}\n"
    given = ["--width", "835", "--no-fold", "--size", "1M", "--colour"]
    assert json.loads(CliRunner().invoke(command, given).output) == {
        "width": 835,
        "fold": False,
        "size": "1M",
        "colour": True,
    }


@pytest.mark.parametrize(
    "kind", [BuildPlaces, BuildOptions, Places, SplitOptions, SnippetOptions, TrainOptions]
)
def test_every_default_that_is_shown_is_the_default(kind: type) -> None:
    written = [one for one in options.declared(kind) if callable(one.option.shown)]
    for one in written:
        read = options.read(kind, {one.name: one.default_text})
        assert read[one.field] == (SplitByWork().fractions if one.default is None else one.default)


def test_every_field_of_an_options_class_is_declared() -> None:
    plain = {
        (kind.__name__, field.name)
        for kind in (BuildPlaces, BuildOptions, Places, SplitOptions, SnippetOptions, TrainOptions)
        for field in dataclasses.fields(kind)
        if field.name not in {one.field for one in options.declared(kind)}
    }
    assert plain == {("SnippetOptions", "split")}  # made of SplitOptions


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["index", "x", "--out", "i", "--sheet-stride", "0"], "sheet_stride: 0 is not allowed; "),
        (["index", "x", "--out", "i", "--audio-stride", "0.01"], "audio_stride: 0.01 is not allow"),
        (["validate", "x", "--jobs", "-1"], "jobs: -1 is not allowed; give a number of worker pr"),
        (["snippets", "x", "--out", "s", "--context", "0"], "context: 0.0 is not allowed; give se"),
    ],
)
def test_what_is_not_allowed_is_said_before_anything_is_read(
    arguments: list[str], message: str
) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {message}")


def test_no_default_is_written_into_help() -> None:
    with click.Context(main) as root:
        commands = [main.get_command(root, name) for name in COMMANDS]
    typed = []
    for command in commands:
        children = list(command.commands.values()) if isinstance(command, click.Group) else []
        for leaf in children or [command]:
            assert leaf is not None
            typed += [
                f"{leaf.name} {parameter.opts[0]}"
                for parameter in leaf.params
                if isinstance(parameter, click.Option) and "default" in (parameter.help or "")
            ]
    assert typed == []
