"""The table of tasks. No other module knows a task by name.

Columns and label order are those of `nyu-mll/glue`, `rajpurkar/squad` and `rajpurkar/squad_v2` (data-set cards). RTE
and QNLI put `entailment` first, WNLI puts `not_entailment` first. Scores are in 0..1. Paper scores are development
scores from Wang et al. 2020, Table 2 (MiniLM-L6 is the 6 x 384 student with a teacher assistant); tasks that the paper
does not report have none.

The learning rate was searched on held-back train rows with the bundled checkpoint (tests/benchmarks/search_defaults.py
and .jsonl): on every GLUE task 1e-4 was the best or within the noise of the best. WNLI stays below chance at any rate,
which is known of its construction. Tasks with long epochs have fewer of them. Span tasks need a higher rate: 1e-4 with
batches of 32 learned nothing in 64 steps, 2e-4 with batches of 16 had a held-back F1 of 0.36 after 175.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .errors import UnknownName

GLUE = "nyu-mll/glue"


@dataclass(frozen=True)
class Task:
    """One task: its columns, labels, metrics, data set and default settings."""

    name: str  # "mnli"
    title: str  # "MNLI: does the second sentence follow from the first?"
    kind: str  # "classification" | "regression" | "span"
    text_fields: tuple[str, ...]  # ("premise", "hypothesis"); one name for single-sentence tasks
    labels: tuple[str, ...]  # position = class id; empty for regression and span
    metrics: tuple[str, ...]  # the first chooses the best checkpoint
    eval_splits: tuple[str, ...]  # ("validation_matched", "validation_mismatched")
    dataset: tuple[str, str | None]  # Hub name and configuration
    official_rows: Mapping[str, int]  # split -> rows of the official data set
    example: Mapping[str, str]  # the input shown before the first click
    label_field: str = "label"
    affirmative: str = ""  # of two labels the one that says yes; "" if neither does
    score_range: tuple[float, float] = (0.0, 1.0)  # lowest and highest target of a regression task
    max_length: int = 128  # tokens, [CLS] and [SEP] included
    doc_stride: int = 0  # overlap of neighbouring windows in tokens; 0 = one window, cut at max_length
    max_answer_length: int = 30  # tokens of an answer span
    has_unanswerable: bool = False  # whether questions may have no answer in their context
    pairs_questions: bool = False  # whether both texts are questions
    learning_rate: float = 1e-4
    epochs: float = 3
    batch_size: int = 32
    paper_metric: str = ""  # the metric of the paper's scores
    paper: Mapping[str, float] = field(default_factory=dict)  # model -> score
    seen_by_bundled: str = ""  # data of this task in the training of the bundled checkpoint
    terms: str = ""  # terms of use of the rows, as far as the pages of the data set state them
    sample: str = ""  # folder of the bundled sample; default: the name of the task
    # On the bundled sample, as measured with tests/benchmarks/sample_defaults.py:
    start_from: str = ""  # the shipped skill that makes a good start; "": the bundled checkpoint does
    sample_seconds: float = 30.0  # the time that a run takes if none is given
    sample_teaches: bool = (
        True  # whether a run of this start and time beats a constant answer by more than the interval
    )
    titles: Mapping[str, str] = field(default_factory=dict)  # column or label -> words for people, where they differ

    def words_for(self, name: str) -> str:
        """A column or a label in words for people: "first sentence", "not the same". JSON has the names themselves."""
        return self.titles.get(name, name.replace("_", " "))

    @property
    def id2label(self) -> dict[int, str]:
        return dict(enumerate(self.labels))

    @property
    def label2id(self) -> dict[str, int]:
        return {label: index for index, label in enumerate(self.labels)}

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that every row must have."""
        return (*self.text_fields, self.label_field)

    @property
    def official_columns(self) -> frozenset[str]:
        """All columns of the official rows."""
        return frozenset({*self.columns, *(("idx",) if self.dataset[0] == GLUE else ("id", "title"))})

    @property
    def benchmark(self) -> str:
        """The benchmark of the official rows: "GLUE" or "SQuAD"."""
        return "GLUE" if self.dataset[0] == GLUE else "SQuAD"

    @property
    def sample_folder(self) -> str:
        return self.sample or self.name


@dataclass(frozen=True)
class Preset:
    """A one-click input, the phenomenon it shows, and its right answer. Skills answer their first preset rightly."""

    about: str
    texts: tuple[str, ...]  # in the order of the task's text fields
    answer: str  # the right one: a label, or for spans a part of the context, "" if the context has no answer
    misleads: bool = False  # whether the shipped skill answers wrongly; checked by a test


@dataclass(frozen=True)
class Skill:
    """A choice in the Predict tab: a name in plain words, and the tasks that answer it, the preferred one first."""

    name: str
    title: str
    tasks: tuple[str, ...]
    presets: tuple[Preset, ...]


FIRST_AND_SECOND = {"sentence1": "first sentence", "sentence2": "second sentence"}
FIRST_AND_SECOND_TEXT = {"sentence1": "first text", "sentence2": "second text"}
ENTAILMENT_FIRST = ("entailment", "not_entailment")
_ROWS = (
    Task(
        name="cola",
        title="CoLA: is this good English?",
        kind="classification",
        text_fields=("sentence",),
        labels=("unacceptable", "acceptable"),
        affirmative="acceptable",
        metrics=("matthews", "accuracy"),
        eval_splits=("validation",),
        dataset=(GLUE, "cola"),
        terms="sentences quoted from linguistics publications, for research",
        official_rows={"train": 8551, "validation": 1043},
        example={"sentence": "The book what I read was long."},
        paper_metric="matthews",
        paper={"BERT-base": 0.589, "MiniLM-L12": 0.585, "MiniLM-L6": 0.475},
        start_from="sentiment",
    ),
    Task(
        name="sst2",
        title="SST-2: is this review positive or negative?",
        kind="classification",
        text_fields=("sentence",),
        labels=("negative", "positive"),
        affirmative="positive",
        metrics=("accuracy",),
        eval_splits=("validation",),
        dataset=(GLUE, "sst2"),
        terms="no explicit licence stated (Stanford Sentiment Treebank)",
        official_rows={"train": 67349, "validation": 872},
        example={"sentence": "The plot is thin, but I could not stop smiling."},
        paper_metric="accuracy",
        paper={"BERT-base": 0.932, "MiniLM-L12": 0.930, "MiniLM-L6": 0.915},
    ),
    Task(
        name="mrpc",
        title="MRPC: do these two news sentences say the same?",
        kind="classification",
        text_fields=("sentence1", "sentence2"),
        labels=("not_equivalent", "equivalent"),
        affirmative="equivalent",
        metrics=("f1", "accuracy"),
        eval_splits=("validation",),
        titles=FIRST_AND_SECOND | {"not_equivalent": "not the same", "equivalent": "the same"},
        dataset=(GLUE, "mrpc"),
        terms="Microsoft Research's own terms",
        official_rows={"train": 3668, "validation": 408},
        example={
            "sentence1": "The council approved the new bridge on Monday after a long debate.",
            "sentence2": "After hours of discussion, councillors voted on Monday in favour of the bridge.",
        },
        paper_metric="accuracy",
        paper={"BERT-base": 0.873, "MiniLM-L12": 0.895, "MiniLM-L6": 0.889},
        start_from="paraphrase",
    ),
    Task(
        name="qqp",
        title="QQP: do these two questions ask the same?",
        kind="classification",
        text_fields=("question1", "question2"),
        labels=("not_duplicate", "duplicate"),
        affirmative="duplicate",
        metrics=("accuracy", "f1"),
        eval_splits=("validation",),
        pairs_questions=True,
        titles={
            "question1": "first question",
            "question2": "second question",
            "not_duplicate": "not the same",
            "duplicate": "the same",
        },
        dataset=(GLUE, "qqp"),
        terms="Quora's terms of service, non-commercial",
        official_rows={"train": 363846, "validation": 40430},
        example={
            "question1": "How do I keep basil alive indoors during winter?",
            "question2": "What is the best way to grow basil inside when it is cold?",
        },
        epochs=2,
        paper_metric="accuracy",
        paper={"BERT-base": 0.913, "MiniLM-L12": 0.913, "MiniLM-L6": 0.906},
        seen_by_bundled="103,663 Quora duplicate pairs",
    ),
    Task(
        name="stsb",
        title="STS-B: how similar are these two sentences, from 0 to 5?",
        kind="regression",
        text_fields=("sentence1", "sentence2"),
        labels=(),
        metrics=("pearson", "spearman"),
        eval_splits=("validation",),
        titles=FIRST_AND_SECOND,
        dataset=(GLUE, "stsb"),
        terms="mixed sources, mostly CC BY-SA 4.0",
        official_rows={"train": 5749, "validation": 1500},
        example={"sentence1": "A child is riding a horse.", "sentence2": "A girl rides a pony along the beach."},
        score_range=(0.0, 5.0),
        epochs=4,
    ),
    Task(
        name="mnli",
        title="MNLI: does the second sentence follow from the first?",
        kind="classification",
        text_fields=("premise", "hypothesis"),
        labels=("entailment", "neutral", "contradiction"),
        metrics=("accuracy",),
        eval_splits=("validation_matched", "validation_mismatched"),
        dataset=(GLUE, "mnli"),
        terms="mostly the OANC licence, with CC BY and CC BY-SA fiction parts",
        official_rows={"train": 392702, "validation_matched": 9815, "validation_mismatched": 9832},
        example={"premise": "The museum is closed on Mondays.", "hypothesis": "You can visit the museum every day."},
        epochs=2,
        paper_metric="accuracy",
        paper={"BERT-base": 0.845, "MiniLM-L12": 0.857, "MiniLM-L6": 0.833},
        seen_by_bundled="277,230 SNLI and MNLI pairs",
        start_from="nli",
    ),
    Task(
        name="qnli",
        title="QNLI: does this sentence answer the question?",
        kind="classification",
        text_fields=("question", "sentence"),
        labels=ENTAILMENT_FIRST,
        affirmative="entailment",
        metrics=("accuracy",),
        eval_splits=("validation",),
        dataset=(GLUE, "qnli"),
        terms="CC BY-SA 4.0",
        official_rows={"train": 104743, "validation": 5463},
        example={
            "question": "When was the lighthouse built?",
            "sentence": "Work on the lighthouse was finished in the spring of 1871.",
        },
        epochs=2,
        paper_metric="accuracy",
        paper={"BERT-base": 0.917, "MiniLM-L12": 0.915, "MiniLM-L6": 0.905},
        seen_by_bundled="87,599 SQuAD question and paragraph pairs, from which QNLI was made",
        start_from="qa",
    ),
    Task(
        name="rte",
        title="RTE: does the second text follow from the first?",
        kind="classification",
        text_fields=("sentence1", "sentence2"),
        labels=ENTAILMENT_FIRST,
        affirmative="entailment",
        metrics=("accuracy",),
        eval_splits=("validation",),
        titles=FIRST_AND_SECOND_TEXT,
        dataset=(GLUE, "rte"),
        terms="RTE-1, 2, 3 and 5 challenge terms, for research",
        official_rows={"train": 2490, "validation": 277},
        example={
            "sentence1": "The ferry between the islands was cancelled because of the storm.",
            "sentence2": "The ferry sailed in spite of the storm.",
        },
        paper_metric="accuracy",
        paper={"BERT-base": 0.686, "MiniLM-L12": 0.733, "MiniLM-L6": 0.688},
        start_from="nli",
        sample_teaches=False,
    ),
    Task(
        name="wnli",
        title="WNLI: whom does the pronoun mean?",
        kind="classification",
        text_fields=("sentence1", "sentence2"),
        labels=("not_entailment", "entailment"),
        affirmative="entailment",
        metrics=("accuracy",),
        eval_splits=("validation",),
        titles=FIRST_AND_SECOND_TEXT,
        dataset=(GLUE, "wnli"),
        terms="CC BY 4.0 (Winograd schemas)",
        official_rows={"train": 635, "validation": 71},
        example={
            "sentence1": "The vase did not fit on the shelf because it was too tall.",
            "sentence2": "The vase was too tall.",
        },
        sample_teaches=False,
    ),
    Task(
        name="squad",
        title="SQuAD 1.1: find the answer in the text",
        kind="span",
        text_fields=("question", "context"),
        labels=(),
        metrics=("f1", "exact_match"),
        eval_splits=("validation",),
        dataset=("rajpurkar/squad", None),
        terms="CC BY-SA 4.0",
        official_rows={"train": 87599, "validation": 10570},
        example={
            "question": "What do the bees collect in spring?",
            "context": "The hives stand behind the school. In spring the bees collect pollen from the willows.",
        },
        label_field="answers",
        max_length=384,
        doc_stride=128,
        batch_size=16,
        learning_rate=2e-4,
        epochs=1,
        seen_by_bundled="87,599 SQuAD question and paragraph pairs",
        sample="squad_v2",
        start_from="qa",
    ),
    Task(
        name="squad_v2",
        title="SQuAD 2.0: find the answer in the text, or say there is none",
        kind="span",
        text_fields=("question", "context"),
        labels=(),
        metrics=("f1", "exact_match"),
        eval_splits=("validation",),
        dataset=("rajpurkar/squad_v2", None),
        terms="CC BY-SA 4.0",
        official_rows={"train": 130319, "validation": 11873},
        example={
            "question": "Who painted the ceiling?",
            "context": "The hall was finished in 1902. Its ceiling was painted by two students of the academy.",
        },
        label_field="answers",
        max_length=384,
        doc_stride=128,
        has_unanswerable=True,
        batch_size=16,
        learning_rate=2e-4,
        epochs=1,
        paper_metric="f1",
        paper={"BERT-base": 0.768, "MiniLM-L12": 0.817, "MiniLM-L6": 0.756},
        seen_by_bundled="87,599 SQuAD question and paragraph pairs",
        start_from="qa",
    ),
)
TASKS: Mapping[str, Task] = {task.name: task for task in _ROWS}

_HALL = (
    "The hall was finished in 1902. Its ceiling was painted by two students of the academy. The windows were added "
    "later and show scenes from the harbour."
)
SKILLS: Mapping[str, Skill] = {
    skill.name: skill
    for skill in (
        Skill(
            name="sentiment",
            title="Sentiment",
            tasks=("sst2",),
            presets=(
                Preset("Negation", ("Not a single joke lands in two hours.",), "negative"),
                Preset("A turn", ("The actors are brilliant, but the film is a bore.",), "negative"),
                Preset("Double negation", ("You will not regret a minute of it.",), "positive"),
                Preset(
                    "Irony", ("A triumph, if you have always wanted to watch paint dry.",), "negative", misleads=True
                ),
                Preset("Expectation", ("I expected to hate it; I was wrong.",), "positive", misleads=True),
            ),
        ),
        Skill(
            name="nli",
            title="Inference",
            tasks=("mnli",),
            presets=(
                Preset("Negation", ("A man is asleep on the bench.", "Nobody is on the bench."), "contradiction"),
                Preset(
                    "Other words",
                    ("A woman is playing the violin on the street.", "Someone is making music outdoors."),
                    "entailment",
                ),
                Preset(
                    "Quantifier",
                    ("All of the students passed the exam.", "Some of the students passed the exam."),
                    "entailment",
                ),
                Preset("Plausible, not said", ("She packed her umbrella.", "It was raining that morning."), "neutral"),
                Preset(
                    "Overlap trap",
                    ("The lawyer was paid by the actor.", "The lawyer paid the actor."),
                    "neutral",
                    misleads=True,
                ),
                Preset(
                    "Negation trap",
                    ("Every seat was taken.", "There was no free seat."),
                    "entailment",
                    misleads=True,
                ),
            ),
        ),
        Skill(
            name="paraphrase",
            title="Paraphrase",
            tasks=("mrpc", "qqp"),
            presets=(
                Preset(
                    "Other words",
                    (
                        "The storm closed every school in the county on Friday.",
                        "All schools in the county stayed shut on Friday because of the storm.",
                    ),
                    "equivalent",
                ),
                Preset(
                    "Overlap trap",
                    ("The cat chased the dog across the yard.", "The dog chased the cat across the yard."),
                    "not_equivalent",
                    misleads=True,
                ),
                Preset(
                    "Another number",
                    ("The bank closed 12 branches this year.", "The bank closed 120 branches this year."),
                    "not_equivalent",
                    misleads=True,
                ),
                Preset(
                    "Questions",
                    ("How can I learn to swim as an adult?", "What is the best way for an adult to learn swimming?"),
                    "duplicate",
                ),
                Preset(
                    "One word apart",
                    ("How old do you have to be to vote?", "How old do you have to be to drive?"),
                    "not_duplicate",
                ),
            ),
        ),
        Skill(
            name="qa",
            title="Question answering",
            tasks=("squad_v2", "squad"),
            presets=(
                Preset("In the text", ("Who painted the ceiling?", _HALL), "two students of the academy"),
                Preset("Not in the text", ("How much did the windows cost?", _HALL), ""),
                Preset("A trap", ("Who finished the hall in 1902?", _HALL), "", misleads=True),
                Preset("A date", ("In what year was the hall completed?", _HALL), "1902"),
            ),
        ),
    )
}


def get_task(name: str) -> Task:
    """The task called `name`; `UnknownName` if there is none."""
    if name not in TASKS:
        raise UnknownName("task", name, TASKS)
    return TASKS[name]


def task_for_texts(candidates: Sequence[Task], texts: Sequence[str]) -> Task:
    """The task for these texts among those that a checkpoint answers.

    Pairs of questions go to a task for them, other texts to one that is not; without such a task, to the first."""
    are_questions = bool(texts) and all(text.strip().endswith("?") for text in texts)
    return next((task for task in candidates if task.pairs_questions == are_questions), candidates[0])


def skill_tasks(name: str) -> tuple[Task, ...]:
    """The tasks that answer a skill, the preferred one first; for the name of a task, that task alone. `UnknownName`
    for any other name."""
    if name in SKILLS:
        return tuple(TASKS[task] for task in SKILLS[name].tasks)
    if name not in TASKS:
        raise UnknownName("skill or task", name, (*SKILLS, *TASKS))
    return (TASKS[name],)
