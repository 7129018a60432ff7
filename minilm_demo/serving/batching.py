"""Batched prediction: questions that wait for the same checkpoint share one forward pass.

One pass over thirty short texts takes little longer than a pass over one. No question is delayed to fill a batch: the
first thread that gets the model's lock answers all the waiting questions.
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
    """Joins the waiting calls with the same key into one call of `answer(key, rows)`, of at most `most` rows.

    `answer` returns one value per row. If it raises, each row of the batch is answered by a call of its own, so that an
    error reaches only the caller whose row caused it."""

    def __init__(self, answer: Callable[[Hashable, Sequence], Sequence], most: int = MOST_AT_ONCE):
        self._answer, self._most = answer, most
        self._waiting: dict[Hashable, deque] = defaultdict(deque)
        self._turns: dict[Hashable, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()

    def ask(self, key: Hashable, row):
        """The answer for one row. Blocks until it is ready, and raises what `answer` raised for this row."""
        ticket: Future = Future()
        with self._lock:
            self._waiting[key].append((row, ticket))
            turn = self._turns[key]
        while not ticket.done():
            with turn:  # the thread that holds the lock answers all the waiting rows
                if not ticket.done():
                    self._answer_waiting(key)
        return ticket.result()

    def _answer_waiting(self, key: Hashable) -> None:
        with self._lock:
            waiting = self._waiting[key]
            batch = [waiting.popleft() for _ in range(min(self._most, len(waiting)))]
        self._settle(key, batch)

    def _settle(self, key: Hashable, batch: Sequence[tuple[object, Future]]) -> None:
        """Give the future of every row its answer or its error."""
        try:
            answers = self._answer(key, [row for row, _ in batch])
        except BaseException as error:
            if len(batch) == 1:
                batch[0][1].set_exception(error)
                return
            for question in batch:
                self._settle(key, [question])
            return
        for (_, ticket), answer in zip(batch, answers, strict=True):
            ticket.set_result(answer)


def _predict(key: tuple[str, str | Location], rows: Sequence[Mapping[str, str]]) -> list[Prediction]:
    task, checkpoint = get_task(key[0]), key[1]
    return predict_rows(task, cached_checkpoint(checkpoint, task), rows)


_BATCHER = Batcher(_predict)


def predict_together(task: Task, checkpoint: str | Location, fields: Mapping[str, str]) -> Prediction:
    """The prediction for one text or pair, made in one batch with the questions that wait at the same time.

    `milliseconds` is the batch's time divided by its number of texts. Raises the errors of `predict`."""
    return _BATCHER.ask((task.name, checkpoint), check_row(task, fields))
