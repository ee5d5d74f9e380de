"""The errors that msmdtools raises on purpose. Each message says what is wrong, where, and what to do next."""


class MsmdError(Exception):
    """Something the user can mend: the command line prints the message and exits with code 1."""


class Terminated(KeyboardInterrupt):
    """A termination signal: the program leaves as at an interrupt, with exit code 143."""


class ManifestError(MsmdError):
    """A manifest or a source tree cannot be read, or the two do not agree."""


class ToolError(MsmdError):
    """A program or library outside Python (LilyPond, FluidSynth, bubblewrap) is missing or unusable."""


class SoundfontError(MsmdError):
    """A soundfont is unknown, missing, or not the file that the registry names."""


class DatasetError(MsmdError):
    """A dataset folder is missing, unfinished, damaged, in use, or made with other options."""


class NoSuchPiece(DatasetError, KeyError):
    """A piece that a dataset does not have."""

    __str__ = Exception.__str__  # KeyError's would put the message in quotes


class PieceError(MsmdError):
    """One piece cannot be built. Caught by the build and written as a row of the pieces table.

    Attributes:
        stage: the stage that failed: "source", "engrave", "match", "perform" or "write".
        reason: a code in kebab-case, such as "syntax-error" or "timeout".
        log: the output of the program that failed, if one did.
    """

    def __init__(self, stage: str, reason: str, message: str, log: str = "") -> None:
        super().__init__(message)
        self.stage = stage
        self.reason = reason
        self.log = log

    def __reduce__(self) -> tuple[type["PieceError"], tuple[str, str, str, str]]:
        return type(self), (self.stage, self.reason, str(self), self.log)
