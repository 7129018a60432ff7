"""What each task learns on the bundled sample with nothing chosen: the start and the time of the task table.

    python tests/benchmarks/sample_defaults.py > tests/benchmarks/sample_defaults.jsonl

One JSON line per task: the score before the first step and at the end, its 95 % interval, and a constant answer's.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from minilm_demo import TASKS, TrainConfig, finetune
from minilm_demo.results import Evaluated, Started
from minilm_demo.serving import default_start


def measure(name: str, seed: int) -> dict:
    task, started, curve = TASKS[name], None, []
    checkpoint = default_start(task, "sample")
    with tempfile.TemporaryDirectory() as folder:
        config = TrainConfig(data="sample", checkpoint=checkpoint, seed=seed, output_dir=folder)
        for event in finetune(task, config):
            started = event if isinstance(event, Started) else started
            curve += [event] if isinstance(event, Evaluated) else []
    evaluation, metric = event.result.evaluation, started.metric
    low, high = evaluation.intervals[started.curve_split][metric]
    return {
        "task": name,
        "start": checkpoint,
        "seconds": task.sample_seconds,
        "seed": seed,
        "steps": event.result.steps,
        "batch_size": event.result.settings.batch_size,
        "metric": metric,
        "before": round(curve[0].metrics[metric], 3),
        "score": round(curve[-1].metrics[metric], 3),
        "interval": [round(low, 3), round(high, 3)],
        "constant": round(started.baseline, 3),
        "rows": curve[-1].examples,
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    for name in args.tasks:
        print(json.dumps(measure(name, args.seed)), flush=True)


if __name__ == "__main__":
    main()
