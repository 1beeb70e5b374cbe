"""The order in which slices are drawn, and batches prepared ahead of the training step."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tumorview.ml.augment import Augmenter
from tumorview.ml.data import SliceSet

Indices = npt.NDArray[np.int64]

_AHEAD = 2


@dataclass(frozen=True, slots=True)
class SliceOrder:
    """An endless stream of slice indices: every tumour slice once an epoch and ``empty_ratio`` times as many empty.

    A function of (seed, phase, position) alone, so that resuming needs no state.
    """

    tumour: Indices
    empty: Indices
    empty_ratio: float
    seed: int
    phase: int

    @property
    def epoch_length(self) -> int:
        """Slices of one epoch."""
        return len(self.tumour) + min(len(self.empty), round(self.empty_ratio * len(self.tumour)))

    def epochs(self, slices: int) -> int:
        """Epochs that so many slices take, begun ones included."""
        return -(-slices // self.epoch_length)

    def epoch(self, number: int) -> Indices:
        """The slices of one epoch in random order; the empty ones are drawn anew each time."""
        random = np.random.default_rng([self.seed, self.phase, number])
        empty = random.permutation(self.empty)[: self.epoch_length - len(self.tumour)]
        order: Indices = random.permutation(np.concatenate([self.tumour, empty]))
        return order

    def batch(self, step: int, size: int) -> Indices:
        """The slices of one step; a batch may reach into the next epoch."""
        start = step * size
        first, last = start // self.epoch_length, (start + size - 1) // self.epoch_length
        stream = np.concatenate([self.epoch(number) for number in range(first, last + 1)])
        offset = start - first * self.epoch_length
        return stream[offset : offset + size]


@dataclass(frozen=True, slots=True)
class BatchMaker:
    """Makes this process's share of the batch of any step."""

    slices: SliceSet
    order: SliceOrder
    augmenter: Augmenter
    batch: int
    rank: int = 0
    world: int = 1

    def make(self, step: int) -> tuple[Tensor, Tensor]:
        """Network input and labels of one step."""
        chosen = self.order.batch(step, self.batch)[self.rank :: self.world]
        key = np.random.SeedSequence([self.order.seed, self.order.phase, step, self.rank]).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(key[0] >> np.uint64(1)))
        return self.augmenter(self.slices.images[chosen], self.slices.labels[chosen], generator)

    def stream(self, start: int, stop: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of the steps start..stop-1, prepared ahead by one background thread."""
        with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
            pending = [pool.submit(self.make, step) for step in range(start, min(start + _AHEAD, stop))]
            try:
                for step in range(start, stop):
                    ready = pending.pop(0).result()
                    if step + _AHEAD < stop:
                        pending.append(pool.submit(self.make, step + _AHEAD))
                    yield ready
            finally:
                for task in pending:
                    task.cancel()
