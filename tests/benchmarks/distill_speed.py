"""Steps per second of `distill` against plain implementations of the MiniLMv2 loss.

    python tests/benchmarks/distill_speed.py --data ../shared/data

The same teacher (bundled), student size, recipe (QQ + KK + VV), texts per step and learning rate on each side; every
side learns with its own loop, in a process of its own, in turn, without dropout and in float32 (`--precision bf16`: all
sides under autocast). The plain ones do what public code does (see bloomberg/minilmv2.bb): shuffled batches padded to
their longest text, the teacher run to its top, queries, keys and values projected a second time from the hidden states,
the library's own attention and AdamW.

    ours         `distill`, of as many steps as by default (300), that find nothing remembered
    first        of these, those of the first pass over the texts: the teacher reads every one of them
    later        those after it: what the teacher answered is remembered
    plain        the loss of one text after the other, cut to its real tokens
    vectorised   the same, with the loss of the whole batch at once

First all three losses are computed on the same batches and must agree. Prints one JSON line with the medians.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import torch
import transformers
from torch.nn import functional

from minilm_demo import TASKS, DistillConfig, distill, load_checkpoint
from minilm_demo.data.texts import TokenIds, load_texts
from minilm_demo.jobs.configs import DEFAULT_STEPS
from minilm_demo.jobs.relations import compare, projections, relation_losses
from minilm_demo.jobs.teacher import TeacherCache
from minilm_demo.models.students import make_student
from minilm_demo.results import Planned, Started, Stepped

RECIPE, LEARNING_RATE, COMPARED_BATCHES = "minilm_v2", 1e-3, 4


# -- plain implementations -----------------------------------------------------------------------------------------


def projected(model, layer: int, batch: dict, relation_heads: int) -> list[torch.Tensor]:
    """Queries, keys and values of a layer, [batch, relation_heads, num_tokens, head_size], from its input."""
    hidden = model(**batch, output_hidden_states=True).hidden_states[layer]
    attention = model.encoder.layer[layer].attention.self
    parts = [attention.query(hidden), attention.key(hidden), attention.value(hidden)]
    return [part.view(*part.shape[:2], relation_heads, -1).transpose(1, 2) for part in parts]


def plain_loss(teacher, student, batch: dict, heads: int) -> torch.Tensor:
    """One text after the other, cut to its real tokens, which on the right have no padding."""
    with torch.no_grad():
        asked = projected(teacher, teacher.config.num_hidden_layers - 1, batch, heads)
    answered = projected(student, student.config.num_hidden_layers - 1, batch, heads)
    total = 0.0
    for t, s in zip(asked, answered, strict=True):
        for row, length in enumerate(batch["attention_mask"].sum(1).tolist()):
            one, other = t[row, :, :length], s[row, :, :length]
            p = (one @ one.transpose(-1, -2) / one.shape[-1] ** 0.5).softmax(-1)
            log_q = (other @ other.transpose(-1, -2) / other.shape[-1] ** 0.5).log_softmax(-1)
            total = total + functional.kl_div(log_q, p, reduction="sum") / (heads * length)
    return total / len(batch["input_ids"])


def vectorised_loss(teacher, student, batch: dict, heads: int) -> torch.Tensor:
    """The whole batch at once, padding masked."""
    with torch.no_grad():
        asked = projected(teacher, teacher.config.num_hidden_layers - 1, batch, heads)
    answered = projected(student, student.config.num_hidden_layers - 1, batch, heads)
    mask = batch["attention_mask"]
    masked = (mask == 0)[:, None, None, :]
    total = 0.0
    for t, s in zip(asked, answered, strict=True):
        lowest = torch.finfo(t.dtype).min
        p = (t @ t.transpose(-1, -2) / t.shape[-1] ** 0.5).masked_fill(masked, lowest).softmax(-1)
        log_q = (s @ s.transpose(-1, -2) / s.shape[-1] ** 0.5).masked_fill(masked, lowest).log_softmax(-1)
        rows = functional.kl_div(log_q, p, reduction="none").sum(-1) * mask[:, None, :]
        total = total + (rows.sum((1, 2)) / (heads * mask.sum(1))).mean()
    return total


def our_loss(teacher, student, batch: dict, heads: int) -> torch.Tensor:
    comparison = compare(RECIPE, teacher.config, student.config, heads)
    with torch.no_grad():
        asked = projections(teacher, comparison.teacher_layer, batch)
    answered = projections(student, comparison.student_layer, batch)
    return sum(relation_losses(asked, answered, comparison.recipe.relations, heads, batch["attention_mask"]).values())


LOSSES = {"ours": our_loss, "plain": plain_loss, "vectorised": vectorised_loss}
SIDES = ("ours", "plain", "vectorised")  # what has a process of its own


# -- runs ----------------------------------------------------------------------------------------------------------


def models(args: argparse.Namespace, attention: str):
    """Teacher and student with this attention, and how many relation heads are compared."""
    torch.manual_seed(args.seed)
    teacher = load_checkpoint("bundled")
    student = make_student(teacher, args.layers, args.hidden).model
    for model in (teacher.model, student):
        model.set_attn_implementation(attention)
    teacher.model.requires_grad_(False)
    return teacher, student, compare(RECIPE, teacher.model.config, student.config).num_relation_heads


def read_texts(args: argparse.Namespace, tokenizer) -> TokenIds:
    return TokenIds(tokenizer, load_texts(TASKS["sst2"], args.data, "train").train, args.max_length)


def losses(args: argparse.Namespace) -> dict[str, list[float]]:
    """Each implementation's loss on the same batches, in eval mode."""
    teacher, student, heads = models(args, "eager")
    student.eval()
    read = read_texts(args, teacher.tokenizer)
    starts = range(0, COMPARED_BATCHES * args.batch_size, args.batch_size)
    batches = [read.batch(range(start, start + args.batch_size), "cpu") for start in starts]
    with torch.no_grad():
        return {
            name: [loss(teacher.model, student, batch, heads).item() for batch in batches]
            for name, loss in LOSSES.items()
        }


def ours(args: argparse.Namespace) -> dict[str, float]:
    """Steps per second of `distill` as it is, without its own measurements along the way."""
    with tempfile.TemporaryDirectory() as folder:
        config = DistillConfig(
            data=args.data,
            layers=args.layers,
            hidden=args.hidden,
            recipe=RECIPE,
            steps=args.distill_steps,
            batch_size=args.batch_size,
            max_length=args.max_length,
            learning_rate=LEARNING_RATE,
            precision=args.precision,
            seed=args.seed,
            output_dir=folder,
        )
        cache, ended = TeacherCache(), {0: 0.0}  # step -> seconds
        for event in distill(config, cache):
            if isinstance(event, Started):
                per_pass = -(-event.examples // args.batch_size)
            elif isinstance(event, Planned):
                cache.clear()  # the texts on which the plan was timed
            elif isinstance(event, Stepped):
                ended[event.step] = event.step * args.batch_size / event.examples_per_second
    last, turn = max(ended), max(step for step in ended if step <= per_pass)
    return {
        "ours": last / ended[last],
        "first": turn / ended[turn],
        "later": (last - turn) / (ended[last] - ended[turn]),
    }


def plain(args: argparse.Namespace) -> dict[str, float]:
    """Steps per second of a plain loop with the loss of `--side`."""
    teacher, student, heads = models(args, "sdpa")
    read = read_texts(args, teacher.tokenizer)
    order = random.Random(args.seed).sample(range(len(read.texts)), len(read.texts))
    optimizer = torch.optim.AdamW(student.parameters(), lr=LEARNING_RATE)
    scheduler = transformers.get_linear_schedule_with_warmup(optimizer, 0, args.warm + args.steps)
    student.train()
    for step in range(args.warm + args.steps):
        if step == args.warm:
            started = time.perf_counter()
        part = order[step * args.batch_size : (step + 1) * args.batch_size]
        batch = read.batch(part, "cpu")
        with torch.autocast("cpu", torch.bfloat16, enabled=args.precision == "bf16"):
            loss = LOSSES[args.side](teacher.model, student, batch, heads)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    return {args.side: args.steps / (time.perf_counter() - started)}


def in_a_process(side: str, seed: int, args: argparse.Namespace):
    command = [sys.executable, __file__, "--side", side, "--seed", str(seed)]
    for name in ("data", "precision", "layers", "hidden", "batch_size", "max_length", "warm", "steps", "distill_steps"):
        command += [f"--{name.replace('_', '-')}", str(getattr(args, name))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="auto")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--hidden", type=int, default=192)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=64)
    parser.add_argument("--distill-steps", type=int, default=DEFAULT_STEPS, help="of ours; more than one pass")
    parser.add_argument("--warm", type=int, default=5, help="steps of the plain ones before the clock starts")
    parser.add_argument("--steps", type=int, default=40, help="steps of the plain ones on the clock")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side, in turn")
    parser.add_argument("--side", choices=(*SIDES, "losses"), help="(internal) one run of one side")
    parser.add_argument("--seed", type=int, default=0, help="(internal)")
    args = parser.parse_args()
    if args.side:
        print(json.dumps({"ours": ours, "losses": losses}.get(args.side, plain)(args)))
        return
    found = in_a_process("losses", 0, args)
    apart = max(abs(value - own) for values in found.values() for value, own in zip(values, found["ours"], strict=True))
    rounds = defaultdict(list)
    for seed in range(args.rounds):
        for side in SIDES:
            for name, speed in in_a_process(side, seed, args).items():
                rounds[name].append(speed)
    median = {name: statistics.median(speeds) for name, speeds in rounds.items()}
    document = {
        "precision": args.precision,
        "student": f"{args.layers} x {args.hidden}",
        "batch_size": args.batch_size,
        "losses_apart": apart,
        "steps_per_second": {name: round(value, 2) for name, value in median.items()},
        **{
            f"{name}_times_{other}": round(median[name] / median[other], 2)
            for name in ("ours", "first", "later")
            for other in ("plain", "vectorised")
        },
        "rounds": {name: [round(value, 2) for value in speeds] for name, speeds in rounds.items()},
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
