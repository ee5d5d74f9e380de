"""Batches of pairs from a folder of snippets, as fast as they can be read and decoded.

A `Stream` goes through a split once per epoch, with a shuffle buffer of row groups: memory does not
depend on the size of the split. It gives batches of numpy arrays; `msmdtools.loading.torch_data`
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

    Iterating gives the batches of one epoch and then moves on to the next. The rows of an epoch and
    what augmentation does to each follow from `seed` and `epoch` alone, whatever the number of
    readers; the order also depends on their number.

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
        pairs: only so many pairs per epoch, the first of the split (which the export has shuffled).
        per_piece: put so many pairs of one piece beside each other, so that a batch of 256 with 32
            per piece has 8 pieces. The larger the buffer, the fewer runs of mixed pieces.
        drop_last: leave out a last batch that is not full, and make all readers' epochs equally
            long, which distributed training needs.
        columns: columns that batches have beside the windows.
        sheet_type: uint8 (255 is white) or float32 (1 is white).
        spectrogram_type: float16 or float32.
        threads: that read and decode; None for one per processor, 0 for none.
        storage_options: for the URL's file system, as fsspec takes them.

    Attributes:
        epoch: the epoch that the next batch belongs to.
        batches: how many of its batches have been given.

    Raises:
        DatasetError: no snippets, no such split, or a window longer or larger than stored.
        MsmdError: an argument makes no sense.
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
        for one in self.read(epoch, self.batches):
            self.batches += 1
            yield one
        self.epoch, self.batches = epoch + 1, 0

    def __len__(self) -> int:
        """Batches in the present epoch, for a single reader."""
        return self.count(self.epoch)

    def count(self, epoch: int, reader: int = 0, readers: int = 1) -> int:
        """How many batches a reader has in an epoch."""
        return self._batches(len(self._share(epoch, reader, readers)))

    def read(self, epoch: int, skip: int = 0, reader: int = 0, readers: int = 1) -> Iterator[Batch]:
        """The batches of one of `readers` in an epoch, without the first `skip` of them.

        The rows of an epoch are dealt out to the readers without overlap.
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
        """Where the stream is, between two batches; as plain values that JSON can hold."""
        return {"epoch": self.epoch, "batches": self.batches, **self.identity()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to where another stream was: the same batches follow.

        Raises:
            MsmdError: it was another stream: other snippets, seed, batch size and so on.
        """
        self.epoch, self.batches = order.position(state, self.identity())

    def identity(self) -> dict[str, Any]:
        """What the order of batches depends on."""
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
        """What is to be done for each batch, in order, given how to start reading a row group."""

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
                    now, waiting = waiting.cut(self.batch_size)
                    yield _making(now, self.view, epoch)
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
        """The rows of a block in the order of the epoch: which source, and which row of it."""
        which = np.repeat(np.arange(len(block)), [len(part.rows) for part in block])
        rows = np.concatenate([part.rows for part in block])
        if self.per_piece:
            piece = _numbers(sources, which, rows)
            random = draws.generator(self.view.seed, epoch, 2 * first + 1)
            now = order.runs(piece, self.per_piece, random)
        elif self.shuffle:
            now = order.shuffled(len(rows), self.view.seed, epoch, first)
        else:
            return which, rows
        return which[now], rows[now]


@dataclass(frozen=True)
class _Line:
    """Rows that wait for their batch."""

    sources: tuple[Rows, ...]
    which: NDArray[np.int64]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def plus(
        self, sources: Sequence[Rows], which: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> "_Line":
        """This line and further rows; sources that no row needs any longer are let go."""
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
    """The results of the tasks in order, while up to `depth` of them are done or under way."""
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
