"""The texts and charts of a distillation in the run view: a chart for each term of its loss, and the final card.

A term of the loss is "value_relation" in the points, "held_value_relation" if measured on the validation texts, and
"Value relation" on the page.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..results import DistillResult, DistillSettings, Evaluated, Stepped, TrainingEvent
from ..tasks import Task
from . import words
from .payloads import ResultCard
from .run_parts import LatestEvents, arithmetic, series

NATS = "nats"
READING = {
    "title": "How to read this loss",
    "lines": [
        "The loss is KL(teacher ‖ student) in nats, the mean over heads and tokens. The first curve is the sum of the "
        "terms that are learned.",
        "0 means that every row of the student is the teacher's. A student with even rows is at most ln T away, for T "
        "tokens (ln 16 = 2.8), and that only from a teacher that always looks at one token; it spreads its rows, so a "
        "student that has learned nothing begins well below that.",
        "A fast fall at the beginning is normal and says little (microsoft/unilm, issue 365, asks about it). What is "
        "easy comes first, because it is alike in every text: look at yourself, at the separators, at your neighbours. "
        "What depends on the words comes slowly, in small steps of the loss.",
        "So judge a student by fine-tuning it, beside one with a random start. The loss of another recipe, of other "
        "texts or of another teacher is no yardstick.",
        "The thin line jumps because each step has texts of its own. The dots are measured on the same texts every "
        "time, and none of those is learned from.",
    ],
}
CHOOSE = (
    "The student can be chosen now: in the Microscope, in the Attention tab, as a teacher of another student, and in "
    "the Fine-tune tab under Advanced, “Start from”. It has no output layer, so Predict offers only its fine-tunes."
)


class Distillation:
    """Texts, charts and points of a distillation, for `run_payload`."""

    LOADING = "Loading the teacher and the texts…"
    START = "Distil"  # the button of the page
    STOP, THEN = "Stop and keep", "then the student is measured and kept"
    AT_LAST = "measuring the student"
    READING = READING

    def __init__(self, latest: LatestEvents, task: Task, *, base: str, init: str, **_):
        self.latest, self.task, self.base, self.init = latest, task, base, init
        self.learned: tuple[str, ...] = latest.started.settings.loss if latest.started else ()
        self.measured_terms = list(latest.evaluated.metrics) if latest.evaluated else self.learned

    def title(self) -> str:
        return f"A student learns on texts of {self.task.title.split(':')[0]}"

    def running(self) -> str:
        stepped = self.latest.stepped
        return words.join(
            (
                f"Step {self.latest.of_steps}",
                f"epoch {words.epochs(stepped.epoch)} of {words.epochs(self.latest.planned.epochs)}",
                f"{words.duration(stepped.seconds_left)} left",
                words.speed(stepped.examples_per_second, "text"),
            )
        )

    def over(self, result: DistillResult) -> str:
        return words.join((words.duration(result.seconds), words.speed(result.steps_per_second, "step")))

    def plan(self) -> str:
        planned = self.latest.planned
        plan = f"{words.counted(planned.steps, 'step')}, about {words.duration(planned.seconds)}"
        return "; ".join(filter(None, (plan, words.smaller_batches(planned, "text"))))

    def facts(self) -> list[list[str]]:
        started, settings = self.latest.started, self.latest.started.settings
        teacher = size(settings.teacher_layers, settings.teacher_hidden, settings.teacher_heads)
        student = size(settings.layers, settings.hidden, settings.heads)
        start = {"random": ", random start", "teacher": ", begins with layers of the teacher"}.get(self.init, "")
        move, of = words.millions(started.trainable), words.millions(started.parameters)
        learn, measure = words.thousands(started.examples), words.thousands(started.held_back)
        facts = [
            ["Teacher", f"{self.base or started.checkpoint}: {teacher}"],
            *([["Assistant", f"{self._assistant(settings)}, taught first"]] if settings.assistant else []),
            ["Student", student + start],
            ["Learned", self._learned(settings)],
            ["Weights", f"{move} of the student's {of} move"],
            ["Data", started.data_source.description],
            ["Texts", f"{learn} to learn from, {measure} others to measure on"],
            ["Arithmetic", arithmetic(started)],
        ]
        return [*facts, ["Plan", self.plan()]] if self.latest.planned else facts

    def _assistant(self, settings: DistillSettings) -> str:
        """The assistant's size: the teacher's depth, the student's width."""
        return size(settings.teacher_layers, settings.hidden, settings.heads)

    def _learned(self, settings: DistillSettings) -> str:
        terms = " + ".join(title(term).lower() for term in self.learned)
        return f"{terms} of layer {settings.teacher_layer + 1}, {words.counted(settings.relation_heads, 'head')}"

    # -- the curves

    def charts(self, waiting: str, final: bool) -> dict[str, dict]:
        """A chart of the sum of the terms, then one for each term.

        A single term has no sum; a term that is not learned is only measured."""
        alone = self.learned[0] if len(self.learned) == 1 else ""
        charts = {"loss": self._chart("loss", title(alone) if alone else "Sum of the terms", waiting)}
        for term in self.measured_terms:
            if term not in self.learned:
                charts[term] = self._measured_chart(term, waiting)
            elif not alone:
                charts[term] = self._chart(term, title(term), waiting)
        return charts

    def _chart(self, of: str, name: str, waiting: str) -> dict:
        return {
            "title": name,
            "y": NATS,
            "unit": "loss",
            "empty": waiting,
            "drawn": True,
            "keys": [["raw", "each step"], ["student", "smoothed"], ["measured round", "validation texts"]],
            "series": [
                series(of, "loss", "raw", latest=True, column=name),
                series(of, "smoothed", "student", smooth=True, latest=True),
                self._measured(of, name),
            ],
        }

    def _measured_chart(self, term: str, waiting: str) -> dict:
        name = title(term)
        return {
            "title": f"{name}: measured, not learned",
            "y": NATS,
            "unit": "loss",
            "empty": waiting,
            "drawn": True,
            "keys": [["measured round", "validation texts"]],
            "series": [self._measured(term, name, latest=True)],
        }

    def _measured(self, of: str, name: str, latest: bool = False) -> dict:
        return series(
            f"held_{of}", "validation texts", "measured", dots=True, latest=latest, column=f"{name}, validation texts"
        )

    def points(self, events: Sequence[TrainingEvent]) -> dict[str, list]:
        steps = [event for event in events if isinstance(event, Stepped)]
        measured = [event for event in events if isinstance(event, Evaluated)]
        points = {"loss": [[event.step, event.loss] for event in steps]}
        points |= {term: [[event.step, event.losses[term]] for event in steps] for term in self.learned}
        points["held_loss"] = [[event.step, sum(event.metrics[term] for term in self.learned)] for event in measured]
        points |= {
            f"held_{term}": [[event.step, event.metrics[term]] for event in measured] for term in self.measured_terms
        }
        return points

    def measured(self) -> dict[str, str]:
        return {"of": "held_loss", "words": "Latest loss on the validation texts", "unit": "loss"}

    def card(self, result: DistillResult) -> dict:
        return distill_card(result, teacher=self.base)


# -- the final card ------------------------------------------------------------------------------------------------


def distill_card(result: DistillResult, *, teacher: str = "") -> ResultCard:
    """The card of a distillation. `teacher` is the teacher's title, "" for its name.

    Keys: headline {value, label}, verdicts [str], source str, tables [table], figures [[name, text]], notes [str]; a
    table is {title, headings [str], rows [[str]]}."""
    before, now = (sum(losses[term] for term in result.learned) for losses in (result.losses_before, result.losses))
    loss_name = "loss, the sum of its terms" if len(result.learned) > 1 else f"{title(result.learned[0]).lower()} loss"
    texts = words.counted(result.validation_examples, "validation text")
    return {
        "headline": {
            "value": f"{before:.2f} → {now:.2f}",
            "label": f"{loss_name}, on {texts}: before the first step and now, in {NATS}",
        },
        "verdicts": [
            "; ".join(_came_nearer(result, term) for term in result.losses).capitalize() + ".",
            "Whether it is a better start than a random one, only a fine-tune tells.",
        ],
        "source": f"Texts: {result.data_source.description}. No label was used.",
        "tables": [_losses(result, texts, before, now), _sizes(result, teacher or result.teacher)],
        "figures": [
            ["Training took", words.duration(result.seconds)],
            ["Speed", words.speed(result.steps_per_second, "step")],
            ["Texts seen", texts_seen(result)],
            ["Steps made", words.thousands(result.steps)],
        ],
        "notes": [CHOOSE],
    }


def texts_seen(result: DistillResult) -> str:
    """ "2,000 of 6,900 texts", "6,900 of 6,900 texts, 9,600 in all". A run of an older program counted its texts with
    their repetitions."""
    in_all, of = result.examples_seen, result.examples
    return words.seen(min(in_all, of) if result.texts_seen is None else result.texts_seen, of, in_all, None, "text")


def title(term: str) -> str:
    """ "value_relation" -> "Value relation"."""
    return term.replace("_", " ").capitalize()


def size(layers: int, hidden: int, heads: int) -> str:
    """ "3 layers x 192, 12 heads"."""
    return f"{words.counted(layers, 'layer')} x {hidden}, {words.counted(heads, 'head')}"


def _came_nearer(result: DistillResult, term: str) -> str:
    before, now = result.losses_before[term], result.losses[term]
    learned = "" if term in result.learned else " (not learned)"
    if before <= 0:  # the student began as its teacher
        return f"{title(term).lower()}{learned} {now:.3f}"
    change = (now - before) / before
    return f"{title(term).lower()}{learned} {'down' if change <= 0 else 'up'} by {words.percent(abs(change), 0)}"


def _losses(result: DistillResult, texts: str, before: float, now: float) -> dict:
    rows = [
        [title(term), f"{result.losses_before[term]:.3f}", f"{loss:.3f}", "yes" if term in result.learned else "no"]
        for term, loss in result.losses.items()
    ]
    if len(result.learned) > 1:
        rows.append(["Sum of what is learned", f"{before:.3f}", f"{now:.3f}", ""])
    return {
        "title": f"How far from its teacher, on {texts}",
        "headings": ["KL(teacher ‖ student), nats per head and token", "Before", "Now", "Learned"],
        "rows": rows,
    }


def _sizes(result: DistillResult, teacher: str) -> dict:
    settings = result.settings
    share = words.percent(result.parameters / result.teacher_parameters, 0)
    return {
        "title": "Sizes",
        "headings": ["", f"Teacher: {teacher}", "Student"],
        "rows": [
            ["Layers", str(settings.teacher_layers), str(result.layers)],
            ["Width", str(settings.teacher_hidden), str(result.hidden_size)],
            ["Attention heads", str(settings.teacher_heads), str(result.heads)],
            ["Weights", words.millions(result.teacher_parameters), f"{words.millions(result.parameters)} ({share})"],
        ],
    }
