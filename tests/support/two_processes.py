"""Run by test_distributed.py under torchrun: a fine-tune and a distillation whose every process writes down what it
saw, then one more fine-tune through the command line.

    two_processes.py CHECKPOINT ROWS OUTPUT NOTES
"""

import hashlib
import json
import os
import sys
from pathlib import Path

from minilm_demo import DistillConfig, TrainConfig, cli, distill, finetune
from minilm_demo.jobs import distilling, finetuning
from minilm_demo.jobs.training import cycle
from minilm_demo.models.loading import load_checkpoint
from minilm_demo.models.students import make_student

checkpoint, rows, output, notes = sys.argv[1:]
seen, tuned, students = [], [], []


def noted_batches(batches, steps):
    for indices in cycle(batches, steps):
        seen.append(list(indices))
        yield indices


def noted(function, results):
    """The function, whose results are noted down."""
    return lambda *given, **options: results.append(function(*given, **options)) or results[-1]


finetuning.cycle = noted_batches
finetuning.load_checkpoint = noted(load_checkpoint, tuned)
distilling.make_student = noted(make_student, students)
options = {"checkpoint": checkpoint, "data": rows, "output_dir": output, "batch_size": 16, "max_steps": 20}
events = list(finetune("sst2", TrainConfig(**options, learning_rate=0.01, dropout=0.1)))


def digest(model) -> str:
    """Of all weights."""
    found = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        found.update(name.encode() + value.numpy().tobytes())
    return found.hexdigest()


teaching = {"teacher": checkpoint, "data": rows, "output_dir": f"{output}-student", "batch_size": 16, "steps": 5}
taught = list(distill(DistillConfig(**teaching, learning_rate=0.01, recipe="minilm_v2", loss="vv")))

note = {
    "processes": events[0].processes,
    "rows": events[0].examples,
    "steps": events[1].steps,
    "batches": seen,
    "weights": digest(tuned[0].model),
    "student": {
        "weights": digest(students[0].model),
        "events": [type(event).__name__ for event in taught],
        "losses": [event.loss for event in taught if hasattr(event, "loss")],
        "seen": taught[-1].result.examples_seen if taught[-1].result else None,
    },
    "events": [type(event).__name__ for event in events],
    "losses": [event.loss for event in events if hasattr(event, "loss")],
    "seen": events[-1].result.examples_seen if events[-1].result else None,
    "status": events[-1].status,
}
(Path(notes) / f"{os.environ['RANK']}.json").write_text(json.dumps(note))

words = ["finetune", "sst2", "--checkpoint", checkpoint, "--data", rows, "--max-steps", "2", "--json"]
sys.exit(cli.main(words))
