"""The experiment "Does it help?" that the page shows at once, computed and written down as ablation.json; and the one
with a longer distillation, of which it says what came out.

    python assets/make_ablation.py --data DIR --seeds 5 --steps 500
    python assets/make_ablation.py --data DIR --seeds 5 --steps 2000 --batch-size 64 --arms random,distilled,copied
        --output assets/ablation_longer.json

Every student that is scored goes at once into a file of its own below MINILM_HOME, one for these settings whatever the
number of seeds. So the same command goes on where it was interrupted, and more seeds only add to what is there.
"""

import argparse
import dataclasses
import hashlib
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from minilm_demo.cli.options import add_config
from minilm_demo.errors import DemoError
from minilm_demo.jobs.ablation import MADE_WITH, AblationConfig, ablation
from minilm_demo.models.catalog import default_checkpoint
from minilm_demo.models.places import home
from minilm_demo.results import AblationResult, Finished, Scored, Working, from_json, to_dict, to_json

ASSETS = Path(__file__).resolve().parent
FLAGS = ("data", "seeds", "layers", "hidden", "steps", "train_examples", "epochs", "learning_rate", "arms", "teacher",
         "batch_size")  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    args = parser().parse_args(argv)
    try:
        given = {name: value for name, value in vars(args).items() if name in FLAGS}
        result = make(AblationConfig(**given))
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1
    args.output.write_text(json.dumps(to_dict(result), ensure_ascii=False) + "\n", encoding="utf-8")
    for arm in result.arms:
        scores = ", ".join(f"{score:.4f}" for score in arm.scores)
        low, high = arm.interval
        print(f"{arm.title:<40}{arm.mean:.4f}  {low:.4f} to {high:.4f} (of {arm.interval_of})  {scores}")
    for gain in result.gains:
        low, high = gain.interval
        print(f"{gain.arm} over {gain.over}: {gain.gain:+.4f}, {low:+.4f} to {high:+.4f}")
    minutes = sum(result.seconds.values()) / 60
    print(f"{len(result.students)} students in {minutes:.1f} minutes; written to {args.output}")
    return 0


def parser() -> argparse.ArgumentParser:
    """Those of the command line for an experiment, as far as they make sense here."""
    flags = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_config(
        flags, AblationConfig, but=[one.name for one in dataclasses.fields(AblationConfig) if one.name not in FLAGS]
    )
    flags.add_argument("--output", type=Path, default=ASSETS / "ablation.json", help="where the result goes")
    return flags


def make(config: AblationConfig) -> AblationResult:
    """Score the students that are missing, and put all together."""
    file = students_file(config)
    known = [from_json(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []
    file.parent.mkdir(parents=True, exist_ok=True)
    print(f"Students: {file}, {len(known)} so far", file=sys.stderr)
    with tempfile.TemporaryDirectory() as work, file.open("a", encoding="utf-8") as students:
        for event in ablation(dataclasses.replace(config, output_dir=work), known):
            if isinstance(event, Working):
                where = f"student {event.student} of {event.students}, {event.arm}, seed {event.seed}"
                print(f"{where}: {event.part}, step {event.step} of {event.steps}", end="\r", file=sys.stderr)
            elif isinstance(event, Scored):
                students.write(to_json(event) + "\n")
                students.flush()
                seconds = sum(event.seconds.values())
                print(f"\n{event.arm}, seed {event.seed}: {event.score:.4f} in {seconds:.0f} s", file=sys.stderr)
            elif isinstance(event, Finished):
                return event.result
    raise AssertionError("an experiment ends with Finished")


def students_file(config: AblationConfig) -> Path:
    """Where the students with these settings are kept: a name for each set of them and each way to make students,
    seeds aside."""
    settings = dataclasses.asdict(config) | {"teacher": config.teacher or default_checkpoint()}
    asked = {name: value for name, value in settings.items() if name not in ("seeds", "arms", "output_dir")}
    asked |= MADE_WITH
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:12]
    return home() / "ablation" / f"{config.task}-{config.steps}-steps-{digest}.jsonl"


if __name__ == "__main__":
    sys.exit(main())
