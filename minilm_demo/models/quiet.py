"""Process-wide settings of libraries, changed only while this program needs it.

transformers, datasets and huggingface_hub have one verbosity, one switch for progress bars and one HTTP client per
process; Python has one list of warning filters. A notebook's user may have set them, so each context manager here
restores what it changes. Many threads may be inside at once, and a thread may enter again: the first entry changes the
settings, the last exit restores them. A change that another thread makes meanwhile is lost, and other threads see the
changed settings; the libraries offer nothing narrower.
"""

from __future__ import annotations

import importlib
import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ContextDecorator, ExitStack, contextmanager


class Shared(ContextDecorator):
    """A context manager, or decorator, that enters `change` with the first thread and leaves it with the last."""

    def __init__(self, change: Callable[[], AbstractContextManager]):
        self._change = change
        self._lock = threading.Lock()
        self._inside = 0
        self._changed = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._changed.enter_context(self._change())
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._changed.close()


@contextmanager
def only_errors(logger_name: str) -> Iterator[None]:
    """Within the block, a library's logger passes errors only. Import the library before: its import sets the level."""
    logger = logging.getLogger(logger_name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    from transformers.utils.logging import set_tqdm_hook

    def no_bar(factory, args: tuple, options: dict):
        return factory(*args, **{**options, "disable": True})

    with only_errors("transformers"):
        previous = set_tqdm_hook(no_bar)
        try:
            yield
        finally:
            set_tqdm_hook(previous)


@contextmanager
def _quiet_hub() -> Iterator[None]:
    from huggingface_hub.utils import disable_progress_bars

    # `enable_progress_bars` would lose which groups of bars were switched off before.
    states = importlib.import_module("huggingface_hub.utils.tqdm").progress_bar_states
    previous = dict(states)
    with only_errors("huggingface_hub"):
        disable_progress_bars()
        try:
            yield
        finally:
            states.clear()
            states.update(previous)


@contextmanager
def _quiet_datasets() -> Iterator[None]:
    import datasets

    had_bars = not datasets.are_progress_bars_disabled()
    with only_errors("datasets"):
        datasets.disable_progress_bars()
        try:
            yield
        finally:
            if had_bars:
                datasets.enable_progress_bars()


@contextmanager
def _without_peft_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        # peft 0.21 uses the deprecated name of this attribute of transformers 5.23; a user cannot change that
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


transformers_quiet = Shared(_quiet_transformers)  # hides its load report, which `load_checkpoint` checks itself
hub_quiet = Shared(_quiet_hub)
datasets_quiet = Shared(_quiet_datasets)
peft_quiet = Shared(_without_peft_warning)
