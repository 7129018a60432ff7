"""Run by test_distributed.py under torchrun: a fine-tune and a distillation, after which each process writes its
batches, weights and events to a file, then a fine-tune through the command line.

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
recorded_batches, tuned, students = [], [], []


def recorded_cycle(batches, steps):
    for indices in cycle(batches, steps):
        recorded_batches.append(list(indices))
        yield indices


def recording(function, results):
    """The function, with its results appended to `results`."""
    return lambda *arguments, **options: results.append(function(*arguments, **options)) or results[-1]


finetuning.cycle = recorded_cycle
finetuning.load_checkpoint = recording(load_checkpoint, tuned)
distilling.make_student = recording(make_student, students)
options = {"checkpoint": checkpoint, "data": rows, "output_dir": output, "batch_size": 16, "max_steps": 20}
events = list(finetune("sst2", TrainConfig(**options, learning_rate=0.01, dropout=0.1)))


def digest(model) -> str:
    """The SHA-256 of all weights."""
    sha256 = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        sha256.update(name.encode() + value.numpy().tobytes())
    return sha256.hexdigest()


student_options = {"teacher": checkpoint, "data": rows, "output_dir": f"{output}-student", "batch_size": 16, "steps": 5}
student_events = list(distill(DistillConfig(**student_options, learning_rate=0.01, recipe="minilm_v2", loss="vv")))

note = {
    "processes": events[0].processes,
    "rows": events[0].examples,
    "steps": events[1].steps,
    "batches": recorded_batches,
    "weights": digest(tuned[0].model),
    "student": {
        "weights": digest(students[0].model),
        "events": [type(event).__name__ for event in student_events],
        "losses": [event.loss for event in student_events if hasattr(event, "loss")],
        "seen": student_events[-1].result.examples_seen if student_events[-1].result else None,
    },
    "events": [type(event).__name__ for event in events],
    "losses": [event.loss for event in events if hasattr(event, "loss")],
    "seen": events[-1].result.examples_seen if events[-1].result else None,
    "status": events[-1].status,
}
(Path(notes) / f"{os.environ['RANK']}.json").write_text(json.dumps(note))

arguments = ["finetune", "sst2", "--checkpoint", checkpoint, "--data", rows, "--max-steps", "2", "--json"]
sys.exit(cli.main(arguments))
