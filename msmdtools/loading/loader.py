"""Stream batches of pairs from a folder of snippets, as fast as they can be read and decoded.

A `Stream` goes through a split once per epoch, with a shuffle buffer of row groups: memory does not
depend on the size of the split. It yields batches of NumPy arrays; `msmdtools.loading.torch_data`
wraps it for PyTorch. For pairs by their numbers see `msmdtools.loading.pairs`.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from msmdtools.base import draws
from msmdtools.base.processors import processors
from msmdtools.errors import MsmdError
from msmdtools.loading import batch, order
from msmdtools.loading.augment import OFF, Augment
from msmdtools.loading.batch import COLUMNS, Batch, Rows, View
from msmdtools.snippets.reader import Snippets, Split, open_split

_Item = TypeVar("_Item")
BUFFER = 1024
# A piece has few of the rows in a small buffer.
BUFFER_PER_PIECE = 8192
_CACHED_GROUPS = 16
_PIECES = 5


class Stream:
    """The batches of a split, epoch after epoch.

    Iterating yields the batches of one epoch and then moves on to the next. The rows of an epoch and
    their augmentation depend on `seed` and `epoch` alone; the order also depends on the number of
    readers.

    Args:
        source: a folder of snippets, its URL, `Snippets`, or a `Split` itself.
        split: train, valid or test.
        batch_size: pairs in a batch.
        context_s: length of the audio window in seconds.
        window: rows and columns of the sheet window; None for the nominal one.
        augment: what to vary; nothing by default.
        seed: of the order and of augmentation.
        shuffle: random order: of row groups, and of rows within `buffer`.
        buffer: pairs among which rows are shuffled.
        pairs: number of pairs per epoch, the first of the split (which the export has shuffled);
            None for all.
        per_piece: number of pairs of one piece that follow each other, so that a batch of 256 with 32
            per piece has 8 pieces. The larger the buffer, the fewer runs of mixed pieces.
        drop_last: leave out a last batch that is not full, and make all readers' epochs equally
            long, which distributed training needs.
        columns: columns that batches have beside the windows.
        sheet_type: uint8 (255 is white) or float32 (1 is white).
        spectrogram_type: float16 or float32.
        threads: number of threads that read and decode; None for one per processor, 0 for none.
        storage_options: for the URL's file system, as fsspec takes them.

    Attributes:
        epoch: the epoch that the next batch belongs to.
        batches: how many of its batches have been read.

    Raises:
        DatasetError: no snippets, no such split, or a window longer or larger than stored.
        MsmdError: an argument is out of range.
    """

    def __init__(
        self,
        source: "str | Path | Snippets | Split",
        split: str,
        batch_size: int = 100,
        *,
        context_s: float = 2.1,
        window: tuple[int, int] | None = None,
        augment: Augment = OFF,
        seed: int = 0,
        shuffle: bool = True,
        buffer: int | None = None,
        pairs: int | None = None,
        per_piece: int | None = None,
        drop_last: bool = False,
        columns: Sequence[str] = COLUMNS,
        sheet_type: str = "uint8",
        spectrogram_type: str = "float16",
        threads: int | None = None,
        storage_options: dict[str, Any] | None = None,
    ) -> None:
        self.split = open_split(source, split, storage_options)
        self.view = batch.view(
            self.split.info, context_s, window, augment, seed, columns, sheet_type, spectrogram_type
        )
        for name, number in (
            ("batch_size", batch_size),
            ("pairs", pairs),
            ("buffer", buffer),
            ("per_piece", per_piece),
        ):
            if number is not None and number < 1:
                raise MsmdError(f"{name} is {number}; it must be at least 1")
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.buffer = buffer or (BUFFER_PER_PIECE if per_piece else BUFFER)
        self.pairs = pairs
        self.per_piece = per_piece
        self.drop_last = drop_last
        self.threads = threads
        self.epoch = 0
        self.batches = 0
        self._chosen: tuple[int, NDArray[np.int64] | None] | None = None

    def __iter__(self) -> Iterator[Batch]:
        epoch = self.epoch
        for next_batch in self.read(epoch, self.batches):
            self.batches += 1
            yield next_batch
        self.epoch, self.batches = epoch + 1, 0

    def __len__(self) -> int:
        """Batches in the present epoch, for a single reader."""
        return self.count(self.epoch)

    def count(self, epoch: int, reader: int = 0, readers: int = 1) -> int:
        """Count the batches that one reader reads in an epoch.

        Args:
            epoch: number of the epoch, from 0.
            reader: number of the reader, from 0.
            readers: number of readers.

        Returns:
            The number of batches.
        """
        return self._batches(len(self._share(epoch, reader, readers)))

    def read(self, epoch: int, skip: int = 0, reader: int = 0, readers: int = 1) -> Iterator[Batch]:
        """Yield the batches that one reader reads in an epoch.

        The rows of an epoch are dealt out to the readers without overlap.

        Args:
            epoch: number of the epoch, from 0.
            skip: number of batches to leave out at the beginning.
            reader: number of the reader, from 0.
            readers: number of readers.

        Yields:
            The batches in the order of the epoch.

        Raises:
            DatasetError: a shard is missing or damaged.
        """
        threads = processors() if self.threads is None else self.threads
        share = self._share(epoch, reader, readers)
        work = self._work(share, epoch, skip)
        if not threads:
            yield from (task() for task in work(lambda task: task))
            return
        with ThreadPoolExecutor(threads, "snippets") as pool:
            yield from ahead(pool, work(lambda task: pool.submit(task).result), 2 * threads)

    def state_dict(self) -> dict[str, Any]:
        """The position of the stream between two batches, as plain values that JSON can hold."""
        return {"epoch": self.epoch, "batches": self.batches, **self.identity()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to the saved position of another stream: the same batches follow.

        Raises:
            MsmdError: it was another stream: other snippets, seed, batch size and so on.
        """
        self.epoch, self.batches = order.position(state, self.identity())

    def identity(self) -> dict[str, Any]:
        """The settings that the order of batches depends on."""
        return {
            "split": self.split.name,
            "rows": len(self.split),
            "dataset": self.split.info.dataset_sha256,
            "seed": self.view.seed,
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "buffer": self.buffer,
            "pairs": self.pairs,
            "per_piece": self.per_piece,
            "drop_last": self.drop_last,
            "one_performance": self.view.augment.audio.one_performance,
        }

    def _share(self, epoch: int, reader: int, readers: int) -> order.Share:
        return order.share(
            self.split,
            epoch,
            self.view.seed,
            reader,
            readers,
            shuffle=self.shuffle,
            equal=self.drop_last,
            chosen=self._rows(epoch),
        )

    def _rows(self, epoch: int) -> NDArray[np.int64] | None:
        """The rows of an epoch, ascending; None for all."""
        if self._chosen is None or self._chosen[0] != epoch:
            rows = None
            if self.view.augment.audio.one_performance:
                rows = self.split.index.one_performance(self.view.seed, epoch)
            if self.pairs is not None:
                rows = np.arange(len(self.split)) if rows is None else rows
                rows = rows[: self.pairs]
            self._chosen = epoch, rows
        return self._chosen[1]

    def _batches(self, rows: int) -> int:
        return rows // self.batch_size if self.drop_last else -(-rows // self.batch_size)

    def _work(
        self, share: order.Share, epoch: int, skip: int
    ) -> Callable[[Callable[..., Any]], Iterator[Callable[[], Batch]]]:
        """The tasks that make each batch, in order; `start` starts reading a row group."""

        def work(start: Callable[..., Any]) -> Iterator[Callable[[], Batch]]:
            last = self._batches(len(share)) * self.batch_size
            waiting = _Line((), np.empty(0, np.int64), np.empty(0, np.int64))
            for first, block, reading in self._reading(share, skip * self.batch_size, start):
                sources = [task() for task in reading]
                which, rows = self._ordered(first, block, sources, epoch)
                done = max(skip * self.batch_size - first, 0)
                # Rows beyond the last full batch are dropped, if they are to be.
                stop = max(last - first, 0)
                waiting = waiting.plus(sources, which[done:stop], rows[done:stop])
                while len(waiting) >= self.batch_size:
                    next_rows, waiting = waiting.cut(self.batch_size)
                    yield _making(next_rows, self.view, epoch)
            if len(waiting):
                yield _making(waiting, self.view, epoch)

        return work

    def _reading(
        self, share: order.Share, skip: int, start: Callable[..., Any]
    ) -> Iterator[tuple[int, list[order.Part], list[Any]]]:
        """Blocks with the position of their first row, the next one being read meanwhile."""
        also = ("piece",) if self.per_piece else ()
        before: tuple[int, list[order.Part], list[Any]] | None = None
        first = 0
        for block in order.blocks(share.parts(self.split), self.buffer):
            size = sum(len(part.rows) for part in block)
            if first + size > skip:
                reading = [start(_reading(self.split, p.group, self.view, also)) for p in block]
                if before:
                    yield before
                before = first, block, reading
            first += size
        if before:
            yield before

    def _ordered(
        self, first: int, block: list[order.Part], sources: list[Rows], epoch: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows of a block in the order of the epoch: for each its source, and its row in it."""
        which = np.repeat(np.arange(len(block)), [len(part.rows) for part in block])
        rows = np.concatenate([part.rows for part in block])
        if self.per_piece:
            piece = _numbers(sources, which, rows)
            random = draws.generator(self.view.seed, epoch, 2 * first + 1)
            permutation = order.runs(piece, self.per_piece, random)
        elif self.shuffle:
            permutation = order.shuffled(len(rows), self.view.seed, epoch, first)
        else:
            return which, rows
        return which[permutation], rows[permutation]


@dataclass(frozen=True)
class _Line:
    """Rows that wait for their batch: row `rows[i]` of `sources[which[i]]`."""

    sources: tuple[Rows, ...]
    which: NDArray[np.int64]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def plus(
        self, sources: Sequence[Rows], which: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> "_Line":
        """Append rows, and drop the sources that no row needs any longer.

        Args:
            sources: row groups of the new rows.
            which: for each new row, the index of its row group in `sources`: (rows,).
            rows: for each new row, its number in the row group: (rows,).

        Returns:
            A new line.
        """
        used, place = np.unique(self.which, return_inverse=True)
        kept = tuple(self.sources[w] for w in used)
        return _Line(
            kept + tuple(sources),
            np.concatenate([place, which + len(kept)]),
            np.concatenate([self.rows, rows]),
        )

    def cut(self, count: int) -> tuple["_Line", "_Line"]:
        """The first `count` rows, and the others."""
        head = _Line(self.sources, self.which[:count], self.rows[:count])
        return head, _Line(self.sources, self.which[count:], self.rows[count:])


def _reading(split: Split, group: int, view: View, also: Sequence[str]) -> Callable[[], Rows]:
    return lambda: batch.read(split, group, view, also)


def _making(line: _Line, view: View, epoch: int) -> Callable[[], Batch]:
    return lambda: batch.make(line.sources, line.which, line.rows, view, epoch)


def ahead(
    pool: ThreadPoolExecutor, tasks: Iterable[Callable[[], _Item]], depth: int
) -> Iterator[_Item]:
    """Run tasks in threads ahead of their use.

    Args:
        pool: runs the tasks; shut down at the end.
        tasks: functions without arguments.
        depth: how many tasks are finished or running at most.

    Yields:
        The results in the order of the tasks.
    """
    queue: deque[Future[_Item]] = deque()
    try:
        for task in tasks:
            queue.append(pool.submit(task))
            if len(queue) >= depth:
                yield queue.popleft().result()
        while queue:
            yield queue.popleft().result()
    finally:
        # Not shutdown(cancel_futures=True), which fails where a program ends with the stream open.
        for future in queue:
            future.cancel()
        pool.shutdown()


def _numbers(
    sources: Sequence[Rows], which: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """A number for the piece of each row."""
    import pyarrow as pa

    columns = [source.table["piece"] for source in sources]
    starts = np.cumsum([0, *(len(column) for column in columns)])
    chunks = [chunk for column in columns for chunk in column.chunks]
    codes = pa.chunked_array(chunks, pa.string()).combine_chunks().dictionary_encode().indices
    return np.asarray(codes.to_numpy()[starts[which] + rows], np.int64)
