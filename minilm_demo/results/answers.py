"""Answers about texts: scores, predictions, word importance, attention, distillation targets.

They are frozen dataclasses of plain values and numpy arrays. Nothing here computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .rows import RowFacts, row_notes

Metrics = Mapping[str, float]  # metric name -> value
SplitMetrics = Mapping[str, Metrics]  # split -> metric name -> value


@dataclass(frozen=True)
class DataSource:
    """Where rows come from, in words for people."""

    kind: str  # "hub" | "mirror" | "sample" | "file" | "folder"
    description: str  # "local mirror, 2,000 of 12,925 local rows (official split: 392,702)"
    splits: Mapping[str, int]  # split -> rows used
    facts: RowFacts = field(default_factory=RowFacts)

    @property
    def notes(self) -> tuple[str, ...]:
        """What one has to know of these rows, in sentences."""
        return row_notes(self.facts)

    @property
    def is_official(self) -> bool:
        """Whether scores on these rows may be compared with published ones: not for a sample or a user's own file."""
        return self.kind in ("hub", "mirror")


def outputs_note(outputs: Mapping[str, str]) -> str:
    """A sentence on outputs of a checkpoint whose names do not say what they mean; "" for none."""
    if not outputs:
        return ""
    meanings = ", ".join(f"{name} is taken for “{label}”" for name, label in outputs.items())
    return (
        f"The checkpoint does not say what its answers mean: {meanings}, the order of the task. If that is wrong, say "
        "what they mean: `output_labels`."
    )


@dataclass(frozen=True)
class Mistake:
    """One row the model got wrong. `confidence` is the probability of the wrong answer, 0..1 (regression: the absolute
    error in points; span: 1 - F1)."""

    split: str
    index: int
    fields: Mapping[str, str]
    expected: str
    predicted: str
    confidence: float


@dataclass(frozen=True)
class ScoredRow:
    """One row with the expected and the predicted answer, in words.

    `value` is, by the kind of task, the probability of the predicted label, the error in points, or the answer's F1.
    `cell` is the row's position (true, predicted) in `ScoredRows.table`, None without a table."""

    fields: Mapping[str, str]
    expected: str
    predicted: str
    value: float
    cell: tuple[int, int] | None = None


@dataclass(frozen=True)
class Constant:
    """One answer to every row, and its score. `answer` is its name ("equivalent"); "" if every answer scores 0."""

    score: float
    answer: str


@dataclass(frozen=True)
class Evaluation:
    """Scores of a checkpoint on one or more splits. `confusion[split][true id][predicted id]` counts rows."""

    task: str
    checkpoint: str
    data_source: DataSource
    metrics: SplitMetrics
    intervals: Mapping[str, Mapping[str, tuple[float, float]]]  # 95 %
    baseline: SplitMetrics  # the best score of one answer to every row, for each metric
    examples: Mapping[str, int]  # split -> rows scored
    labels: tuple[str, ...] = ()
    confusion: Mapping[str, list[list[int]]] = field(default_factory=dict)
    cell_rows: Mapping[str, tuple[ScoredRow, ...]] = field(default_factory=dict)  # split -> a few rows of each cell
    mistakes: tuple[Mistake, ...] = ()  # the worst first
    seconds: float = 0.0
    seen_by_base: str = ""  # the data that the bundled checkpoint was trained on, if the checkpoint is based on it
    # The answers of `baseline`, as in `Constant`; {}: an older program took the majority class for every metric.
    baseline_answers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoredRows:
    """The evaluation of a sample of rows of one split, and every scored row.

    `table[true][predicted]` counts rows by label; for tasks with unanswerable questions, by (answerable, unanswerable)
    and (answered, not answered); for other tasks it is empty."""

    evaluation: Evaluation
    split: str
    rows: tuple[ScoredRow, ...]
    table: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True)
class Prediction:
    """A checkpoint's answer to one input. The kind of task decides which fields are set:

    classification: `label`, `probabilities` (label name -> 0..1, sums to 1); regression: `score`;
    span: `answer` ("" = no answer), `start`/`end` (character offsets into the context, end exclusive, None without
    an answer), `score` (answer logits minus no-answer logits of the best span), `no_answer_score` (null score minus
    best span score; "no answer" wins above `threshold`), `candidates` (the best spans that do not overlap, the best
    first).

    `unsure`: the next best answer is nearly as probable (jobs/certainty.py). The last five fields say what the model
    read: `tokens_total` are those of the whole input, [CLS] and [SEP] included; `unknown_words` are not in its
    vocabulary; `nothing_read`: no other word was there.
    """

    task: str
    checkpoint: str
    milliseconds: float
    label: str | None = None
    probabilities: Mapping[str, float] | None = None
    score: float | None = None
    answer: str | None = None
    start: int | None = None
    end: int | None = None
    no_answer_score: float | None = None
    threshold: float | None = None
    candidates: tuple[Candidate, ...] = ()
    num_windows: int = 1
    unsure: bool = False
    truncated: bool = False
    tokens_total: int = 0
    tokens_read: int = 0
    unknown_words: tuple[str, ...] = ()
    nothing_read: bool = False
    assumed_outputs: Mapping[str, str] = field(default_factory=dict)  # name of an output, as LABEL_0 -> its label


@dataclass(frozen=True)
class Candidate:
    """One possible answer span: text, character offsets into the context (end exclusive), summed logits."""

    text: str
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class WordWeight:
    """The importance of one word for an answer, positive where it supports the answer; `start`, `end`: characters of
    the field's text, end exclusive. The units are those of `WordImportance`."""

    field: str
    word: str
    start: int
    end: int
    left_out: float | None  # value with the word minus value without it; None: it was not left out
    gradient: float  # gradient times word embedding, summed over the word's pieces


@dataclass(frozen=True)
class WordImportance:
    """The importance of the words of one input, by leave-one-out and by gradient × input. By kind of task:

    classification: `target` is the predicted label, `value` its probability (0..1), `left_out` in probability,
    `gradient` in the label's logit; regression: `value` is the score, both in its points; span: `value` is start plus
    end logit of the best span, characters `start`..`end` of the context, both in logits.
    """

    task: str
    checkpoint: str
    milliseconds: float
    fields: Mapping[str, str]  # the texts, as the model reads them
    target: str  # label name; "" for regression and span
    value: float
    words: tuple[WordWeight, ...]  # those the model read, in order of the texts
    rank_correlation: float | None  # Spearman, -1..1, over the words that were left out; None for fewer than three
    start: int | None = None
    end: int | None = None
    no_answer: bool = False  # span: "no answer" won over the span that is explained
    truncated: bool = False
    num_windows: int = 1  # span: of the context; only the one with the answer is explained


@dataclass(frozen=True)
class WordSpan:
    """A word of an input: characters start..end (end exclusive) of text number `segment`."""

    segment: int  # 0 | 1
    start: int
    end: int
    text: str


@dataclass(frozen=True, eq=False)
class AttentionTrace:
    """The attention weights of every head of a checkpoint on one input, from one forward pass.

    Row = query (from), column = key (to); a row of `attentions` sums to 1. Layers and heads count from 0. Words count
    over both texts. [CLS] and the separator after the first text belong to segment 0, the last separator of a pair to
    1, also where the model itself has no token types."""

    checkpoint: str
    texts: tuple[str, ...]  # one or two, as the model reads them
    tokens: tuple[str, ...]  # as the tokenizer spells them: "##ing", "[CLS]"
    segment_ids: tuple[int, ...]
    special_tokens_mask: tuple[bool, ...]
    separators: tuple[bool, ...]  # whether a token is the special token after a text
    word_ids: tuple[int | None, ...]  # index into `words`; None for special tokens and tokens of space alone
    words: tuple[WordSpan, ...]  # those that the model reads
    attentions: np.ndarray  # float32 [num_layers, num_heads, num_tokens, num_tokens]
    queries: np.ndarray | None  # float32 [num_layers, num_heads, num_tokens, head_dim], on request
    keys: np.ndarray | None
    values: np.ndarray | None
    prediction: Prediction | None  # of the task's output layer
    milliseconds: float
    truncated: bool
    tokens_total: int = 0  # of the whole texts; `tokens` are those that were read
    unknown_words: tuple[str, ...] = ()  # not in the vocabulary
    masked_tokens: tuple[int, ...] = ()  # keys that no token could attend to
    ablated_heads: tuple[tuple[int, int], ...] = ()  # (layer, head)
    offsets: tuple[tuple[int, int] | None, ...] = ()  # characters of each token in its text, None for special tokens

    @property
    def num_layers(self) -> int:
        return self.attentions.shape[0]

    @property
    def num_heads(self) -> int:
        return self.attentions.shape[1]

    @property
    def num_tokens(self) -> int:
        return len(self.tokens)

    @property
    def is_pair(self) -> bool:
        return len(self.texts) == 2

    def head(self, layer: int, head: int) -> np.ndarray:
        """The weights of one head, [num_tokens, num_tokens]."""
        return self.attentions[layer, head]


@dataclass(frozen=True)
class HeadBehaviour:
    """The behaviour of one head on one input: a score per behaviour (0..1, None where it cannot be measured), and as
    `label` the behaviour that stands out, "mixed" if none does."""

    label: str
    scores: Mapping[str, float | None]


@dataclass(frozen=True)
class ExplainedWord:
    """Three importances of one word. `left_out` and `gradient` are those of `WordWeight`, None where there is none."""

    index: int  # in `AttentionTrace.words`
    segment: int
    start: int
    end: int
    text: str
    rollout: float  # share of the answer's position that attention rollout assigns to this word, 0..1
    left_out: float | None
    gradient: float | None


@dataclass(frozen=True)
class AttentionExplanation:
    """Attention rollout compared with two methods that query the model. `top` has for each of the three the index of
    its most important word (None without one)."""

    task: str
    checkpoint: str
    texts: tuple[str, ...]
    words: tuple[ExplainedWord, ...]  # all words of the trace, in its order
    correlations: Mapping[tuple[str, str], float | None]  # two methods -> Spearman, -1..1; None below three words
    top: tuple[int | None, ...]


@dataclass(frozen=True, eq=False)
class DistillationTargets:
    """The relations of a teacher's layer and of a student's on one input, and the divergence between them.

    Keys of the mappings are the recipe's relations ("QK", "VV", …). Layers count from 0. Row = query (from), column =
    key (to)."""

    teacher_name: str
    student_name: str
    recipe: str  # "minilm_v1" | "minilm_v2"
    teacher_layer: int
    student_layer: int
    num_relation_heads: int
    teacher_head_size: int  # width of one relation head, the d of x·y/√d; the models may differ
    student_head_size: int
    texts: tuple[str, ...]  # one or two, as the models read them
    tokens: tuple[str, ...]  # this and the next five as in `AttentionTrace`
    segment_ids: tuple[int, ...]
    special_tokens_mask: tuple[bool, ...]
    separators: tuple[bool, ...]
    word_ids: tuple[int | None, ...]
    words: tuple[WordSpan, ...]
    teacher: Mapping[str, np.ndarray]  # float32 [num_relation_heads, num_tokens, num_tokens], each row sums to 1
    student: Mapping[str, np.ndarray]
    teacher_scores: Mapping[str, np.ndarray]  # the same before the softmax: x·y/√d of the model's vectors
    student_scores: Mapping[str, np.ndarray]
    divergence: Mapping[str, np.ndarray]  # KL(teacher ‖ student) in nats, float32 [num_relation_heads, num_tokens]
    truncated: bool
    milliseconds: float
    tokens_total: int = 0  # as in `AttentionTrace`
    unknown_words: tuple[str, ...] = ()

    @property
    def relations(self) -> tuple[str, ...]:
        return tuple(self.teacher)

    @property
    def losses(self) -> dict[str, float]:
        """Each term of the loss on this input: the mean divergence over heads and tokens, in nats."""
        return {name: float(values.mean()) for name, values in self.divergence.items()}


@dataclass(frozen=True)
class Badge:
    """A label for a pair of teacher and student: a few words, and the reason in a sentence."""

    kind: str  # "here" | "true" | "proxy" | "other"
    title: str
    about: str
