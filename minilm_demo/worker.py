"""The process that trains: everything heavy is imported here, at the top, and Gradio never is.

The fork server imports this module once; a worker forked from it starts in milliseconds."""

import os

# Threads that wait for each other sleep instead of spinning. A polite process that spins on a busy machine hardly gets
# on at all: an update took 0.2 s this way beside a second training, and did not end within minutes the other way. The
# OpenMP library reads it once, when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import signal
import sys
from functools import partial
from pathlib import Path

import accelerate  # noqa: F401  (imported for the children, as are the next three)
import peft  # noqa: F401
import torch  # noqa: F401
import transformers.models.bert.modeling_bert  # noqa: F401

from . import runs
from .ablation import ablation
from .distilling import distill
from .finetuning import finetune

JOBS = {
    "finetune": lambda record: partial(finetune, record.task, record.config),
    "distill": lambda record: partial(distill, record.config),
    "ablation": lambda record: partial(ablation, record.config),
}
NICENESS = 10  # predictions stay quick while someone trains


def work(folder: str) -> None:
    """Do the job that `folder`/run.json asks for. Ends with the run, so its memory goes back to the machine."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the server's terminal is for the server
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # at the server's end: what must be tidied up is
    if hasattr(os, "nice"):  # Windows has none
        os.nice(NICENESS)
    record = runs.read_record(Path(folder))
    for _ in runs.record_events(record, JOBS[record.job](record)):
        pass
