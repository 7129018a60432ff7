"""The process that trains: everything heavy is imported here, at the top, and Gradio never is.

The fork server imports this module once; a worker forked from it starts in milliseconds."""

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

NICENESS = 10  # predictions stay quick while someone trains

metrics.load_libraries()  # for the children too


def work(folder: str) -> None:
    """Do the job that `folder`/run.json asks for. Ends with the run, so its memory goes back to the machine."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the server's terminal is for the server
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # at the server's end: what must be tidied up is
    if hasattr(os, "nice"):  # Windows has none
        os.nice(NICENESS)
    record = read_record(Path(folder))
    for _ in record_events(record, JOBS[record.job].start(record)):
        pass
