"""The process that trains. It imports all heavy libraries at the top, and never Gradio.

The fork server imports this module once, and a worker forked from it starts in milliseconds."""

import os
import signal
import sys
from pathlib import Path

import accelerate  # noqa: F401  (imported for the children, as are the next three)
import peft  # noqa: F401
import torch  # noqa: F401
import transformers.models.bert.modeling_bert  # noqa: F401

from ..jobs import metrics
from .folder import read_record
from .jobs import JOBS
from .recording import record_events

NICENESS = 10  # predictions stay fast during a training

metrics.load_libraries()  # imported for the children, too


def work(folder: str) -> None:
    """Do the job of `folder`/run.json. The process ends with the run, which frees its memory."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the server's terminal is for the server
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # from the server at its end; an exit runs the clean-up code
    if hasattr(os, "nice"):  # Windows has none
        os.nice(NICENESS)
    record = read_record(Path(folder))
    for _ in record_events(record, JOBS[record.job].start(record)):
        pass
