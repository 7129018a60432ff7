"""The Python that reproduces what the page shows, unfolded under "Code". Tests execute these scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields as fields_of
from pathlib import Path

from ..recipes import RECIPES
from ..results import RUN_ID, AttentionTrace, DistillationTargets

WIDTH = 100  # characters of a line that is not broken
RUN_HERE = "# A run is known by its name on its own machine; elsewhere, give the folder that you downloaded."
EARLIER_RUN = "earlier-run"  # instead of the parent run's id, which would grant access to it
RUN_BEFORE = f"# {EARLIER_RUN}: the downloaded folder of the run that this one began with."


@dataclass(frozen=True)
class Snippet:
    """How a job is called in Python."""

    name: str  # of the saved page
    imports: str
    config: str  # the class of its configuration
    call: str  # of the function, with a placeholder {task}
    shown: str  # arguments of `views.show`
    base: str  # field of the configuration that names the starting checkpoint


def prediction_code(task: str, checkpoint: str, fields: Mapping[str, str]) -> str:
    """A script that calls `predict` for one input."""
    return _script(
        "from minilm_demo import predict, views",
        *_run_here(checkpoint),
        f"fields = {_literal(fields)}",
        f"prediction = {_call('predict', repr(task), repr(checkpoint), 'fields')}",
        'views.show(prediction, fields=fields).save("prediction.html")',
    )


def importance_code(task: str, checkpoint: str, fields: Mapping[str, str]) -> str:
    """A script that calls `word_importance` for one input."""
    return _script(
        "from minilm_demo import views, word_importance",
        *_run_here(checkpoint),
        f"fields = {_literal(fields)}",
        f"importance = {_call('word_importance', repr(task), repr(checkpoint), 'fields')}",
        'views.show(importance).save("importance.html")',
    )


def rows_code(task: str, checkpoint: str, data: str, limit: int) -> str:
    """A script that calls `evaluate_rows` on `limit` rows of the first validation split."""
    return _script(
        "from minilm_demo import evaluate_rows, views",
        *_run_here(checkpoint),
        f"rows = {_call('evaluate_rows', repr(task), repr(checkpoint), f'data={data!r}', f'limit={limit}')}",
        'views.show(rows).save("rows.html")',
    )


def run_code(snippet: Snippet, task: str, config) -> str:
    """A script that repeats a run, with the fields of the dataclass `config` that differ from their defaults.

    Paths of the server are reduced to file names, and the parent run's id is replaced, because it grants access."""
    options = {
        field.name: _without_folder(getattr(config, field.name))
        for field in fields_of(config)
        if field.name not in ("output_dir", "overwrite") and getattr(config, field.name) != field.default
    }
    has_parent_run = RUN_ID.fullmatch(options.get(snippet.base, ""))
    if has_parent_run:
        options[snippet.base] = EARLIER_RUN
    return _script(
        snippet.imports,
        *([RUN_BEFORE] if has_parent_run else []),
        f"config = {_call(snippet.config, *(f'{name}={value!r}' for name, value in options.items()))}",
        f"events = list({snippet.call.format(task=task)})",
        "result = events[-1].result",
        f'views.show({snippet.shown}).save("{snippet.name}.html")',
    )


def trace_code(trace: AttentionTrace) -> str:
    """A script that calls `trace_attention`."""
    arguments = [repr(trace.checkpoint), *map(repr, trace.texts)]
    if trace.prediction:
        arguments.append(f"task={trace.prediction.task!r}")
    if trace.masked_tokens:
        arguments.append(f"masked_tokens={list(trace.masked_tokens)}")
    if trace.ablated_heads:
        arguments.append(f"ablated_heads={list(trace.ablated_heads)}")
    return _script(
        "from minilm_demo import trace_attention, views",
        *_run_here(trace.checkpoint),
        f"trace = {_call('trace_attention', *arguments)}",
        "trace.attentions.shape  # (layers, heads, tokens, tokens): row = from, column = to",
        'views.show(trace).save("attention.html")',
    )


def targets_code(targets: DistillationTargets) -> str:
    """A script that calls `distillation_targets`."""
    names = (targets.teacher_name, targets.student_name)
    arguments = [*map(repr, (*names, *targets.texts)), f"recipe={targets.recipe!r}"]
    if not RECIPES[targets.recipe].own_heads:
        arguments += [f"num_relation_heads={targets.num_relation_heads}", f"teacher_layer={targets.teacher_layer}"]
    return _script(
        "from minilm_demo import distillation_targets, views",
        *_run_here(*names),
        f"targets = {_call('distillation_targets', *arguments)}",
        "targets.losses  # the mean KL(teacher ‖ student) of each relation, in nats",
        'views.show(targets).save("microscope.html")',
    )


# -- the parts of a script -----------------------------------------------------------------------------------------


def _script(imports: str, *lines: str) -> str:
    return "\n".join((imports, "", *lines))


def _run_here(*checkpoints: str) -> list[str]:
    return [RUN_HERE] if any(map(RUN_ID.fullmatch, checkpoints)) else []


def _without_folder(value):
    if isinstance(value, tuple):
        return tuple(map(_without_folder, value))
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _call(function: str, *arguments: str) -> str:
    """A call in Python; one argument a line if it is longer than `WIDTH`."""
    line = f"{function}({', '.join(arguments)})"
    return line if len(line) <= WIDTH else _broken(f"{function}(", arguments, ")")


def _literal(fields: Mapping[str, str]) -> str:
    pairs = [f"{name!r}: {text!r}" for name, text in fields.items()]
    line = f"{{{', '.join(pairs)}}}"
    return line if len(line) <= WIDTH else _broken("{", pairs, "}")


def _broken(opening: str, parts, closing: str) -> str:
    return "\n".join((opening, *(f"    {part}," for part in parts), closing))
