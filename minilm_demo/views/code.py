"""The Python behind what is shown: the few lines that make it again, unfolded under "Code" and executed by tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as fields_of
from pathlib import Path

from ..distillation import RECIPES
from ..models import RUN_ID
from ..results import AttentionTrace, DistillationTargets

WIDTH = 100  # characters of a line that is not broken
# job -> (where it is imported from, the function, its configuration, what it makes)
JOB_CALLS = {
    "finetune": ("minilm_demo", "finetune", "TrainConfig"),
    "distill": ("minilm_demo", "distill", "DistillConfig"),
    "ablation": ("minilm_demo.ablation", "ablation", "AblationConfig"),
}
OF_THIS_MACHINE = "# A run is known by its name on its own machine; elsewhere, give the folder that you downloaded.\n"
EARLIER_RUN = "earlier-run"  # stands for a run that this one began with: who sees the one may not know the other
OF_EARLIER_RUN = f"# {EARLIER_RUN}: the downloaded folder of the run that this one began with.\n"


def prediction_code(task: str, checkpoint: str, fields: Mapping[str, str]) -> str:
    """One answer, of `predict`."""
    return (
        "from minilm_demo import predict, views\n\n"
        f"{_of_this_machine(checkpoint)}"
        f"fields = {_literal(fields)}\n"
        f"prediction = {_call('predict', repr(task), repr(checkpoint), 'fields')}\n"
        'views.show(prediction, fields=fields).save("prediction.html")'
    )


def importance_code(task: str, checkpoint: str, fields: Mapping[str, str]) -> str:
    """Which words mattered, of `word_importance`."""
    return (
        "from minilm_demo import views, word_importance\n\n"
        f"{_of_this_machine(checkpoint)}"
        f"fields = {_literal(fields)}\n"
        f"importance = {_call('word_importance', repr(task), repr(checkpoint), 'fields')}\n"
        'views.show(importance).save("importance.html")'
    )


def slice_code(task: str, checkpoint: str, data: str, limit: int) -> str:
    """Scored rows of the first validation split, of `evaluate_rows`."""
    arguments = (repr(task), repr(checkpoint), f"data={data!r}", f"limit={limit}")
    return (
        "from minilm_demo import evaluate_rows, views\n\n"
        f"{_of_this_machine(checkpoint)}"
        f"rows = {_call('evaluate_rows', *arguments)}\n"
        'views.show(rows).save("rows.html")'
    )


def run_code(job: str, task: str, config) -> str:
    """A run, of `finetune`, `distill` or `ablation`: the options that are not the defaults.

    Files and folders of the server are called by their names alone, and an earlier run by none: its id is a key."""
    module, function, config_name = JOB_CALLS[job]
    options = {
        field.name: _public(getattr(config, field.name))
        for field in fields_of(config)
        if field.name != "output_dir" and getattr(config, field.name) != field.default
    }
    first = [repr(task)] if job == "finetune" else []  # the others have the task in their options
    imports = (
        f"from minilm_demo import {', '.join(sorted((config_name, function)))}, views"
        if module == "minilm_demo"
        else f"from minilm_demo import views\nfrom {module} import {config_name}, {function}"
    )
    return (
        f"{imports}\n\n"
        f"{OF_EARLIER_RUN if EARLIER_RUN in options.values() else ''}"
        f"config = {_call(config_name, *(f'{name}={value!r}' for name, value in options.items()))}\n"
        f"events = list({_call(function, *first, 'config')})\n"
        "result = events[-1].result\n"
        f'views.show({"result" if job == "ablation" else "result, events=events"}).save("{function}.html")'
    )


def trace_code(trace: AttentionTrace) -> str:
    """A trace, of `trace_attention`."""
    arguments = [repr(trace.checkpoint), *map(repr, trace.texts)]
    if trace.prediction:
        arguments.append(f"task={trace.prediction.task!r}")
    if trace.masked_tokens:
        arguments.append(f"masked_tokens={list(trace.masked_tokens)}")
    if trace.ablated_heads:
        arguments.append(f"ablated_heads={list(trace.ablated_heads)}")
    return (
        "from minilm_demo import trace_attention, views\n\n"
        f"{_of_this_machine(trace.checkpoint)}"
        f"trace = {_call('trace_attention', *arguments)}\n"
        "trace.attentions.shape  # (layers, heads, tokens, tokens): row = from, column = to\n"
        'views.show(trace).save("attention.html")'
    )


def targets_code(targets: DistillationTargets) -> str:
    """Teacher beside student, of `distillation_targets`."""
    arguments = [*map(repr, (targets.teacher_name, targets.student_name, *targets.texts)), f"recipe={targets.recipe!r}"]
    if not RECIPES[targets.recipe].own_heads:
        arguments += [f"num_relation_heads={targets.num_relation_heads}", f"teacher_layer={targets.teacher_layer}"]
    here = next((name for name in (targets.teacher_name, targets.student_name) if RUN_ID.fullmatch(name)), "")
    return (
        "from minilm_demo import distillation_targets, views\n\n"
        f"{_of_this_machine(here)}"
        f"targets = {_call('distillation_targets', *arguments)}\n"
        "targets.losses  # the mean KL(teacher ‖ student) of each relation, in nats\n"
        'views.show(targets).save("microscope.html")'
    )


def _public(value):
    if isinstance(value, tuple):
        return tuple(map(_public, value))
    if not isinstance(value, str):
        return value
    return EARLIER_RUN if RUN_ID.fullmatch(value) else Path(value).name if Path(value).is_absolute() else value


def _of_this_machine(checkpoint: str) -> str:
    return OF_THIS_MACHINE if RUN_ID.fullmatch(checkpoint) else ""


def _call(function: str, *arguments: str) -> str:
    """A call in Python, an argument a line where it is long."""
    line = f"{function}({', '.join(arguments)})"
    return line if len(line) <= WIDTH else _broken(f"{function}(", arguments, ")")


def _literal(fields: Mapping[str, str]) -> str:
    pairs = [f"{name!r}: {text!r}" for name, text in fields.items()]
    line = f"{{{', '.join(pairs)}}}"
    return line if len(line) <= WIDTH else _broken("{", pairs, "}")


def _broken(opening: str, parts, closing: str) -> str:
    return "\n".join((opening, *(f"    {part}," for part in parts), closing))
