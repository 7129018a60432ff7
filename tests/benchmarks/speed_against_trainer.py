"""Examples per second of `finetune` against `transformers.Trainer` in the default recipe of run_glue.py.

    python tests/benchmarks/speed_against_trainer.py --data ../shared/data

Both train the same checkpoint on the same rows with the same batch size and learning rate. The Trainer's recipe: fp32,
every row padded to 128 tokens, dropout 0.1, the model's own attention (SDPA). Each side runs in a process of its own,
in turn. Speed: at least 30 updates after 5, A and B alternating, medians. Scores: the validation rows after the same
number of epochs, three seeds each. Prints one JSON line.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from minilm_demo import TASKS, TrainConfig, finetune
from minilm_demo.data.sources import open_source
from minilm_demo.data.splits import draw
from minilm_demo.jobs.evaluation import evaluate
from minilm_demo.models.device import pick_precision
from minilm_demo.results import Finished

WARM_STEPS, TIMED_STEPS = 5, 30


def ours(args: argparse.Namespace) -> dict:
    """One run of `finetune` as it is; its own account of the updates' speed."""
    steps = {"max_steps": WARM_STEPS + TIMED_STEPS} if args.part == "speed" else {"epochs": args.epochs}
    with tempfile.TemporaryDirectory() as folder:
        config = TrainConfig(
            data=args.data,
            train_examples=args.train_examples,
            batch_size=args.batch_size,
            learning_rate=args.learning_rate,
            seed=args.seed,
            eval_examples=args.eval_examples if args.part == "score" else 1,
            output_dir=folder,
            **steps,
        )
        marks, last = [], None
        for last in finetune(args.task, config):
            if type(last).__name__ == "Stepped":
                marks.append((last.step, last.step * args.batch_size / last.examples_per_second))
        assert isinstance(last, Finished) and last.status == "completed", last
        return {"examples_per_second": _rate(marks, args), "score": _score(args, last.result.evaluation)}


def trainer(args: argparse.Namespace) -> dict:
    """The same rows through `transformers.Trainer`."""
    import torch
    import transformers

    from minilm_demo.models.location import verify_bundled

    task = TASKS[args.task]
    rows, _ = draw(open_source(task, args.data).read("train"), args.train_examples, args.seed)
    folder = verify_bundled()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    transformers.set_seed(args.seed)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=len(task.labels), id2label=task.id2label, label2id=task.label2id
    )
    texts = [[row[field] for row in rows] for field in task.text_fields]
    encoded = tokenizer(*texts, padding="max_length", truncation=True, max_length=128)
    features = [
        {name: torch.tensor(values[index]) for name, values in encoded.items()} | {"labels": row["label"]}
        for index, row in enumerate(rows)
    ]

    class Clock(transformers.TrainerCallback):
        def __init__(self):
            self.marks = []

        def on_step_end(self, arguments, state, control, **kwargs):
            self.marks.append((state.global_step, time.perf_counter()))

    clock = Clock()
    with tempfile.TemporaryDirectory() as output:
        arguments = transformers.TrainingArguments(
            output_dir=output,
            per_device_train_batch_size=args.batch_size,
            learning_rate=args.learning_rate,
            num_train_epochs=args.epochs,
            max_steps=WARM_STEPS + TIMED_STEPS if args.part == "speed" else -1,
            seed=args.seed,
            use_cpu=not torch.cuda.is_available(),
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            logging_strategy="no",
        )
        transformers.Trainer(model=model, args=arguments, train_dataset=features, callbacks=[clock]).train()
        result = {"examples_per_second": _rate(clock.marks, args), "score": None}
        if args.part == "score":
            model.save_pretrained(output)
            tokenizer.save_pretrained(output)
            result["score"] = _score(args, evaluate(task, output, data=args.data, limit=args.eval_examples))
        return result


def _rate(marks: list[tuple[int, float]], args: argparse.Namespace) -> float:
    """Examples per second of the updates after the first `WARM_STEPS`."""
    (first, began), (last, ended) = marks[min(WARM_STEPS, len(marks) - 2) - 1], marks[-1]
    return (last - first) * args.batch_size / (ended - began)


def _score(args: argparse.Namespace, evaluation) -> float:
    task = TASKS[args.task]
    return evaluation.metrics[next(iter(evaluation.metrics))][task.metrics[0]]


def in_a_process(side: str, task: str, part: str, seed: int, args: argparse.Namespace) -> dict:
    command = [sys.executable, __file__, "--side", side, "--task", task, "--part", part, "--seed", str(seed)]
    for name in ("data", "train_examples", "eval_examples", "epochs", "batch_size", "learning_rate"):
        command += [f"--{name.replace('_', '-')}", str(getattr(args, name))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def compare(task: str, args: argparse.Namespace) -> dict:
    """Speed of both sides in turn, then three seeds of each side's score."""
    speeds = {"ours": [], "trainer": []}
    for seed in range(args.rounds):
        for side, found in speeds.items():
            found.append(in_a_process(side, task, "speed", seed, args)["examples_per_second"])
    median = {side: statistics.median(found) for side, found in speeds.items()}
    result = {
        "examples_per_second": {side: round(value, 1) for side, value in median.items()},
        "ratio": round(median["ours"] / median["trainer"], 1),
        "rounds": {side: [round(value, 1) for value in found] for side, found in speeds.items()},
    }
    if args.scores:
        scores = {side: [in_a_process(side, task, "score", s, args)["score"] for s in range(3)] for side in speeds}
        means = {side: statistics.mean(found) for side, found in scores.items()}
        rows = min(
            args.eval_examples, sum(1 for _ in open_source(TASKS[task], args.data).read(TASKS[task].eval_splits[0]))
        )
        error = (means["trainer"] * (1 - means["trainer"]) / rows) ** 0.5
        result["scores"] = {side: [round(value, 4) for value in found] for side, found in scores.items()}
        result["mean_scores"] = {side: round(value, 4) for side, value in means.items()}
        result["standard_error"] = round(error, 4)
        result["not_worse"] = means["ours"] >= means["trainer"] - error
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="auto")
    parser.add_argument("--tasks", nargs="+", default=["sst2", "mnli"])
    parser.add_argument("--train-examples", type=int, default=1200)
    parser.add_argument("--eval-examples", type=int, default=1000)
    parser.add_argument("--epochs", type=float, default=2)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--rounds", type=int, default=3, help="speed runs of each side, in turn")
    parser.add_argument("--scores", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--side", choices=("ours", "trainer"), help="(internal) one run of one side")
    parser.add_argument("--task", help="(internal)")
    parser.add_argument("--part", choices=("speed", "score"), help="(internal)")
    parser.add_argument("--seed", type=int, default=0, help="(internal)")
    args = parser.parse_args()
    if args.side:
        print(json.dumps({"ours": ours, "trainer": trainer}[args.side](args)))
        return
    found = {task: compare(task, args) for task in args.tasks}
    asked = {"batch_size": args.batch_size, "train_examples": args.train_examples, "epochs": args.epochs}
    print(json.dumps({"precision": pick_precision(), **asked, "tasks": found}))


if __name__ == "__main__":
    main()
