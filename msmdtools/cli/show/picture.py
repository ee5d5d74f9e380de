"""What all kinds of `msmd show` have in common: the file that a picture is written to."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_Command = TypeVar("_Command", bound=Callable[..., Any])


def out_option(default: str) -> Callable[[_Command], _Command]:
    """The option --out: the parameter `out`, None if it is not given."""
    return click.option(
        "-o",
        "--out",
        type=click.Path(path_type=Path),
        metavar="FILE.png",
        show_default=f"{default}.png in the current folder",
        help="The picture to write, a PNG file.",
    )


def save(image: "NDArray[np.uint8]", out: Path) -> None:
    """Write the picture and print its name and size."""
    from msmdtools.dataset import figure

    figure.save(image, out)
    click.echo(f"{out}: {image.shape[1]} x {image.shape[0]} pixels")
