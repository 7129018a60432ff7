"""The small search behind the task table's learning rate, epochs and batch size, on held-back train rows alone.

    python tests/benchmarks/search_defaults.py --data ../shared/data --tasks mrpc stsb > search.jsonl

One JSON line per combination: the best score on the held-back rows. The validation splits are never read for it.
"""

import argparse
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from minilm_demo import TASKS, TrainConfig, finetune
from minilm_demo.results import Evaluated, Stepped

LEARNING_RATES = (5e-5, 1e-4, 2e-4)
ROWS = 3000  # of a larger train split: enough to tell learning rates apart, small enough to be done


def best_score(task: str, config: TrainConfig) -> dict:
    """The best score on the held-back rows, the step it was reached at, and the steps made."""
    scored, steps = [], 0
    for event in finetune(task, config):
        if isinstance(event, Stepped):
            steps = event.step
        elif isinstance(event, Evaluated):
            scored.append(event)
    best = next(event for event in reversed(scored) if event.best)
    return {"score": dict(best.metrics), "step": best.step, "steps": steps}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="auto")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--learning-rates", nargs="+", type=float, default=LEARNING_RATES)
    parser.add_argument("--epochs", nargs="+", type=float, default=[3])
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[32])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--train-split", default="train")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    for task in args.tasks:
        for rate, epochs, batch in itertools.product(args.learning_rates, args.epochs, args.batch_sizes):
            with tempfile.TemporaryDirectory() as folder:
                config = TrainConfig(
                    data=args.data,
                    train_split=args.train_split,
                    train_examples=args.rows,
                    learning_rate=rate,
                    epochs=epochs,
                    batch_size=batch,
                    seed=args.seed,
                    eval_examples=1,
                    output_dir=folder,
                )
                started = time.perf_counter()
                found = best_score(task, config)
            asked = {"task": task, "learning_rate": rate, "epochs": epochs, "batch_size": batch, "seed": args.seed}
            print(json.dumps(asked | found | {"seconds": round(time.perf_counter() - started, 1)}), flush=True)


if __name__ == "__main__":
    main()
