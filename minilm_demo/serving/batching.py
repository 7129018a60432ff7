"""Answers for many people at once: questions that come at the same time share one forward pass.

Thirty students who press the button together ask the same checkpoint; one pass over thirty short texts takes little
longer than one over a single text. Nobody waits for others to come: whoever finds the model free takes all that wait.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future

from ..data import check_row
from ..jobs import predict_rows
from ..models import Location, cached_checkpoint
from ..results import Prediction
from ..tasks import Task, get_task

MOST_AT_ONCE = 32


class Batcher:
    """Joins calls with the same key that wait at the same time into one call of `answer(key, rows)`.

    `answer` returns one value per row. Where it raises, the rows of that call are asked again one by one, so that what
    is wrong with one row, and what the error says of it, reaches only whoever asked it."""

    def __init__(self, answer: Callable[[Hashable, Sequence], Sequence], most: int = MOST_AT_ONCE):
        self._answer, self._most = answer, most
        self._waiting: dict[Hashable, deque] = defaultdict(deque)
        self._turns: dict[Hashable, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()

    def ask(self, key: Hashable, row):
        """The answer for one row; blocks until it is there."""
        ticket: Future = Future()
        with self._lock:
            self._waiting[key].append((row, ticket))
            turn = self._turns[key]
        while not ticket.done():
            with turn:  # the one who has it works for all who wait
                if not ticket.done():
                    self._work(key)
        return ticket.result()

    def _work(self, key: Hashable) -> None:
        with self._lock:
            waiting = self._waiting[key]
            batch = [waiting.popleft() for _ in range(min(self._most, len(waiting)))]
        self._settle(key, batch)

    def _settle(self, key: Hashable, batch: Sequence[tuple[object, Future]]) -> None:
        try:
            answers = self._answer(key, [row for row, _ in batch])
        except BaseException as error:
            if len(batch) == 1:
                batch[0][1].set_exception(error)
                return
            for one in batch:
                self._settle(key, [one])
            return
        for (_, ticket), answer in zip(batch, answers, strict=True):
            ticket.set_result(answer)


def _predict(key: tuple[str, str | Location], rows: Sequence[Mapping[str, str]]) -> list[Prediction]:
    task, checkpoint = get_task(key[0]), key[1]
    return predict_rows(task, cached_checkpoint(checkpoint, task), rows)


_BATCHER = Batcher(_predict)


def predict_together(task: Task, checkpoint: str | Location, fields: Mapping[str, str]) -> Prediction:
    """`predict`, for a server with many visitors; `milliseconds` is the share of one text in its batch."""
    return _BATCHER.ask((task.name, checkpoint), check_row(task, fields))
