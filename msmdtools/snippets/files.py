"""Files of a folder, on this machine or at any URL that fsspec knows, by their names in it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from msmdtools.base import parquet, requirements
from msmdtools.base.damage import why
from msmdtools.errors import DatasetError, MsmdError

if TYPE_CHECKING:
    import pyarrow as pa


class Files:
    """The files of a folder of snippets, local or remote, by names relative to it.

    Attributes:
        root: path or URL of the folder.
    """

    def __init__(self, root: str, storage_options: dict[str, Any]) -> None:
        self.root = root
        self._fs: Any = None
        if "://" not in root:
            return
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            cure = requirements.install_packages(["fsspec"], "train")
            raise MsmdError(f"{root}: URLs need fsspec: {cure}") from error
        try:
            self._fs, self._base = url_to_fs(root, **storage_options)
        except (ImportError, ValueError) as error:
            raise MsmdError(f"{root}: {error}") from error

    def is_folder(self, name: str = "") -> bool:
        """Whether there is a folder of this name; without a name, whether the root is one."""
        path = f"{self.root}/{name}"
        if self._fs is None:
            return Path(path).is_dir()
        return bool(self._fs.isdir(f"{self._base}/{name}".rstrip("/")))

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder, sorted; none if there is no such folder."""
        if not self.is_folder(folder):
            return []
        if self._fs is None:
            return sorted(path.name for path in Path(self.root, folder).iterdir())
        paths = self._fs.ls(f"{self._base}/{folder}", detail=False)
        return sorted(str(path).rstrip("/").rsplit("/", 1)[-1] for path in paths)

    def bytes(self, name: str) -> bytes:
        """The content of a file. Raises FileNotFoundError if there is none."""
        if self._fs is None:
            return Path(self.root, name).read_bytes()
        return bytes(self._fs.cat_file(f"{self._base}/{name}"))

    def footer(self, name: str) -> parquet.Footer:
        """Read the footer of a Parquet file. Raises DatasetError if it is missing or damaged."""
        import pyarrow as pa

        try:
            with self._open(name) as source:
                return parquet.read_footer(source)
        except (pa.ArrowException, OSError, ValueError) as error:
            self._damaged(name, error)

    def read(
        self, name: str, footer: parquet.Footer, group: int, columns: Sequence[str]
    ) -> "pa.Table":
        """Read columns of a row group.

        Args:
            name: the Parquet file.
            footer: its footer, from `footer`.
            group: number of the row group, from 0.
            columns: names of the columns.

        Returns:
            A table with these columns.

        Raises:
            DatasetError: the file is missing or damaged.
        """
        import pyarrow as pa

        try:
            with self._open(name) as source:
                return parquet.read(source, footer, [group], columns, threads=False)
        except (pa.ArrowException, OSError, ValueError) as error:
            self._damaged(name, error)

    def _open(self, name: str) -> Any:
        import pyarrow as pa

        if self._fs is None:
            return pa.OSFile(f"{self.root}/{name}")
        return self._fs.open(f"{self._base}/{name}", "rb")

    def _damaged(self, name: str, error: Exception) -> NoReturn:
        if isinstance(error, FileNotFoundError):
            raise DatasetError(
                f"{self.root}/{name} is missing; export or copy the snippets again"
            ) from error
        raise DatasetError(
            f"{self.root}/{name} is damaged ({why(error)}); export or copy the snippets again"
        ) from error
