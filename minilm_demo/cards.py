"""The model card of a run: what was trained on what, how, and how well, as Markdown for people and the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .results import FinetuneResult
from .tasks import get_task

if TYPE_CHECKING:
    from .runs import RunRecord


def model_card(record: RunRecord, result: FinetuneResult) -> str:
    """README.md of the run folder."""
    task, evaluation, config = get_task(record.task), result.evaluation, record.config
    rows = [
        f"| {split} | {metric} | {value:.3f} | {low:.3f} to {high:.3f} | {evaluation.baseline[split][metric]:.3f} |"
        for split, values in evaluation.metrics.items()
        for metric, value in values.items()
        for low, high in [evaluation.intervals[split][metric]]
    ]
    asked = {
        name: _without_folders(value)
        for name, value in vars(config).items()
        if value not in (None, (), "") and name != "output_dir"
    }
    asked |= {name: value for name, value in result.settings.items() if value is not None}
    start = _without_folders(config.checkpoint or "bundled")
    seen = [f"The bundled checkpoint's own training had already seen {task.seen_by_bundled}.", ""]
    return "\n".join(
        [
            "---",
            "library_name: transformers",
            *([f"datasets: [{task.dataset[0]}]"] if evaluation.data_source.kind in ("hub", "mirror") else []),
            "tags: [minilm, fine-tuned-in-a-demo]",
            "---",
            "",
            f"# {start} fine-tuned on {task.name}",
            "",
            f"{task.title} Trained with MiniLM Demo on {result.examples:,} rows in {result.seconds:.0f} s; "
            f"the weights of step {result.step} of {result.steps} were kept.",
            "",
            f"Scored on: {evaluation.data_source.description}.",
            "",
            "| split | metric | score | 95 % interval | majority baseline |",
            "|---|---|---|---|---|",
            *rows,
            "",
            *(seen if task.seen_by_bundled and start == "bundled" else []),
            "Trained on: " + ", ".join(f"{name} ({count:,} rows)" for name, count in result.splits.items()) + ".",
            "",
            "Asked for: " + ", ".join(f"{name}={value}" for name, value in asked.items()) + ".",
            "",
            "Versions: " + ", ".join(f"{name} {version}" for name, version in record.versions.items()) + ".",
            "",
            "A model made for teaching, from few rows: not for decisions about people.",
            "",
        ]
    )


def _without_folders(value):
    """A card travels with the model: of a path on somebody's machine it tells the last part only."""
    if isinstance(value, tuple):
        return ", ".join(map(_without_folders, value))
    is_path = isinstance(value, str) and (Path(value).is_absolute() or value.startswith((".", "~")))
    return Path(value).name if is_path else value
