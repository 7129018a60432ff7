"""The payload of every component, key by key: the JSON that Python sends to the page.

The other side of this table is `static/payloads.js`; a test compares the two, and both with real payloads. A key that
may be missing is `NotRequired`; the page that shows a payload, or the tab around it, adds it. Annotations are values
here (no `from __future__`): the test reads which keys may be missing.
"""

from typing import Literal, NotRequired, TypedDict

Pair = list[str]  # [name, text]


class Sentence(TypedDict):
    """A sentence that says why there is no picture."""

    kind: Literal["empty", "error"]
    sentence: str


class Later(TypedDict):
    """The address of the JSON file that has the first value, relative to the page's own."""

    kind: Literal["later"]
    address: str


class Headline(TypedDict):
    value: str
    label: str


class Table(TypedDict):
    title: str
    headings: list[str]
    rows: list[list[str]]


class Trouble(TypedDict):
    sentence: str
    advice: str


class Progress(TypedDict):
    done: int
    of: int


# -- a prediction (predict/prediction.js, predict/answers.js) ------------------------------------------------------


class Bar(TypedDict):
    """The probability of one label; `name` is the label in JSON, `share` is 0 to 1."""

    label: str
    name: str
    share: float
    text: str
    best: bool


class Scale(TypedDict):
    low: float
    high: float
    at: float
    ticks: list[float]


class Piece(TypedDict):
    text: str
    mark: bool


class Decision(TypedDict):
    """No answer is given where score > threshold; both are logits."""

    score: float
    threshold: float
    low: float
    high: float


class Expected(TypedDict):
    """The right answer of an example."""

    sentence: str
    right: bool


class Asked(TypedDict):
    """A question as the page asks it. A key that is missing is not compared with the form."""

    skill: NotRequired[str]
    texts: NotRequired[list[str]]
    checkpoints: NotRequired[list[str]]


class MarkdownPart(TypedDict):
    text: str
    code: bool


class MarkdownBlock(TypedDict):
    """A part of a text in Markdown; `level` is that of a heading, `cells` are rows of a table, its headings first."""

    kind: Literal["heading", "text", "item", "code", "table"]
    level: int
    parts: list[MarkdownPart]
    cells: list[list[str]]


class PredictionPayload(TypedDict):
    """The answer of one checkpoint, with the keys of its kind of task."""

    kind: Literal["classification", "regression", "span"]
    sentence: str
    unsure: str
    notes: list[str]
    footer: list[str]
    note: str
    bars: NotRequired[list[Bar]]
    scale: NotRequired[Scale]
    found: NotRequired[str]
    none: NotRequired[str]
    pieces: NotRequired[list[Piece]]
    decision: NotRequired[Decision | None]
    candidates: NotRequired[list[Pair]]
    title: NotRequired[str]
    skill: NotRequired[str]
    asked: NotRequired[Asked]
    expected: NotRequired[Expected]
    card: NotRequired[list[MarkdownBlock]]
    code: NotRequired[str]


class Input(TypedDict):
    name: str
    text: str


class AnswersPayload(TypedDict):
    """The answers of one or more checkpoints to one input; a lane may be a `Sentence` with a title."""

    kind: Literal["lanes"]
    skill: str
    task: str
    input: list[Input]
    lanes: list[PredictionPayload]
    asked: Asked


class AskPayload(TypedDict):
    """A question that the page asks at once."""

    kind: Literal["ask"]
    question: Asked
    note: str


# -- which words mattered (predict/importance.js) ------------------------------------------------------------------


class TextPiece(TypedDict):
    """A piece of a text; `word` is the index of its word, None between words."""

    text: str
    word: int | None


class TextPieces(TypedDict):
    name: str
    pieces: list[TextPiece]


class SpokenWord(TypedDict):
    text: str
    says: str


class Mark(TypedDict):
    """How strongly a word is coloured: -1 to 1, None for a word that was not tried."""

    share: float | None
    label: str


class Panel(TypedDict):
    """One method; a mark for each word."""

    title: str
    about: str
    marks: list[Mark]


class LegendEntry(TypedDict):
    kind: Literal["for", "against"]
    text: str


class SortHeading(TypedDict):
    text: str
    descending: bool


class SortCell(TypedDict):
    text: str
    sort: float | str | None


class SortTable(TypedDict):
    title: str
    caption: str
    headings: list[SortHeading]
    rows: list[list[SortCell]]


class ImportancePayload(TypedDict):
    kind: Literal["importance"]
    sentence: str
    findings: list[str]
    texts: list[TextPieces]
    words: list[SpokenWord]
    panels: list[Panel]
    legend: list[LegendEntry]
    hint: str
    table: SortTable
    notes: list[str]
    asked: NotRequired[Asked]
    code: NotRequired[str]


# -- rows of a validation set (predict/rows.js) ---------------------------------------------------------------------


class Cell(TypedDict):
    """`share` is of the true class, 0 to 1; `list` is the index of its rows in `lists`, None without rows."""

    count: str
    share: float
    text: str
    list: NotRequired[int | None]


class Matrix(TypedDict):
    """Row: true class; column: predicted class."""

    title: str
    labels: list[str]
    rows: list[list[Cell]]
    columns: list[str]


class ScoredRow(TypedDict):
    fields: list[Pair]
    said: list[Pair]
    texts: list[str]


class RowList(TypedDict):
    title: str
    note: str
    rows: list[ScoredRow]


class ScoredRowsPayload(TypedDict):
    title: str
    headline: Headline
    verdicts: list[str]
    source: str
    notes: list[str]
    scores: Table | None
    matrix: Matrix | None
    lists: list[RowList]
    checkpoint: NotRequired[str]
    code: NotRequired[str]


# -- a run (run/run.js), and the card at its end (shared/result.js) ------------------------------------------------


class PlotlyFigure(TypedDict):
    """The arguments of `Plotly.react`."""

    data: list[dict]
    layout: dict


class FigurePayload(TypedDict):
    """A finished statistic (figure/figure.js): `about` says what is seen, `name` is that of saved files."""

    figure: PlotlyFigure
    title: str
    about: str
    name: str
    table: Table


class CellTable(TypedDict):
    """Counts by true and predicted class, and a few rows of each cell."""

    matrix: Matrix
    lists: list[RowList]


class Mistakes(TypedDict):
    """A table of rows; `texts` are their whole texts, `column` is the first one with a text."""

    title: str
    headings: list[str]
    rows: list[list[str]]
    texts: list[list[str]]
    column: int


class ResultCard(TypedDict):
    """The card at the end of a run. A student's card has tables instead of figures."""

    headline: Headline
    verdicts: list[str]
    source: str
    figures: list[Pair]
    notes: list[str]
    scores: NotRequired[FigurePayload]
    classes: NotRequired[FigurePayload | None]
    tables: NotRequired[list[Table]]
    extra: NotRequired[Table | None]
    cells: NotRequired[list[CellTable]]
    mistakes: NotRequired[Mistakes | None]


class Series(TypedDict):
    """A line: `of` is the name of its points, `latest` whether its last point is named, `column` its heading in the
    table, "" for none."""

    of: str
    name: str
    style: str
    smooth: bool
    dots: bool
    latest: bool
    column: str


class Chart(TypedDict):
    """`drawn` is False where only `empty` is said; `keys` are [style, text]."""

    title: str
    y: str
    unit: Literal["loss", "percent", "number"]
    empty: str
    drawn: bool
    keys: list[Pair]
    series: list[Series]


class Measured(TypedDict):
    of: str
    words: str
    unit: Literal["loss", "percent", "number"]


class Reading(TypedDict):
    title: str
    lines: list[str]


class RunPayload(TypedDict):
    """A run while it is under way and when it is over; see `run_payload`.

    `points` are [[step, value]], of the held-back rows [step, value, best]."""

    run: str
    job: str
    status: str
    final: bool
    since: int
    next: int
    title: str
    sentence: str
    facts: list[Pair]
    progress: Progress | None
    stop: str
    charts: dict[str, Chart]
    points: dict[str, list[list[float | bool]]]
    measured: Measured
    pictures: int
    result: ResultCard | None
    error: Trouble | None
    reading: Reading | None
    code: NotRequired[str]


# -- tokens and weights, of both explorers -------------------------------------------------------------------------


class Tokens(TypedDict):
    """[T] each; `words` are indices into the payload's words, None for a token of no word."""

    texts: list[str]
    segments: list[int]
    special: list[bool]
    separator: list[bool]
    words: list[int | None]


class Word(TypedDict):
    text: str
    segment: int


class Overview(TypedDict):
    """size x size cells, a few tokens each."""

    size: int
    weights: str


class Weights(TypedDict):
    """Base64 of bytes, weight = (byte / 255)²; one of the two is None."""

    weights: str | None
    overview: Overview | None


# -- the attention explorer (attention/attention.js); L layers, H heads, T tokens, all counted from 0 --------------


class Kind(TypedDict):
    name: str
    title: str
    threshold: float
    about: str


class Behaviours(TypedDict):
    """`labels` [L][H] and `scores` {name: [L][H]}: what each head does."""

    kinds: list[Kind]
    labels: list[list[str]]
    scores: dict[str, list[list[float | None]]]


class CrossingHead(TypedDict):
    layer: int
    head: int
    mass: float


class AnswerMass(TypedDict):
    """`mass` [L][H]: how much the question looks at the answer's tokens."""

    tokens: list[int]
    mass: list[list[float]]
    text: str


class ShareBar(TypedDict):
    label: str
    share: float
    text: str


class Said(TypedDict):
    sentence: str
    bars: list[ShareBar]
    unsure: str


class SelectedToken(TypedDict):
    layer: int
    head: int
    token: int


class HeadScores(TypedDict):
    """Raw scores of one head: base64 of float32 [T, T]."""

    layer: int
    head: int
    scores: str


class HeadPlace(TypedDict):
    layer: int
    head: int


class Changed(TypedDict):
    masked: list[int]
    ablated: list[HeadPlace]


class BeforeTrace(TypedDict):
    """Another trace of the same tokens and heads."""

    title: str
    weights: str | None
    overview: Overview | None
    prediction: Said | None


class Positions(TypedDict):
    """The model learned the positions 0 to `learned` - 1; the input has more."""

    learned: int
    about: str


class FullHead(TypedDict):
    """One head of a longer input, or a mean, in full; `before`: of the other trace."""

    layer: int | str
    head: int | str
    rollout: bool
    before: bool
    weights: str


class AttentionFrames(TypedDict):
    """The trace while the model learned; `weights` as in the payload, one a step."""

    steps: list[int]
    weights: list[str]
    predictions: list[Said | None]


class ExplainedWord(TypedDict):
    """`values`: one a method, None where it was not tried."""

    word: str
    segment: int
    tokens: list[int]
    values: list[float | None]


class Correlation(TypedDict):
    pair: str
    value: float | None


class Explanation(TypedDict):
    """Three methods side by side; `top` are indices of words, one a method."""

    names: list[str]
    about: list[str]
    words: list[ExplainedWord]
    correlations: list[Correlation]
    top: list[int | None]
    note: str


class AttentionPayload(TypedDict):
    """All heads of one input; `pair` is [L][H][2][2]."""

    kind: Literal["attention"]
    title: str
    texts: list[str]
    tokens: Tokens
    words: list[Word]
    size: int
    layers: int
    heads: int
    weights: str | None
    overview: Overview | None
    behaviours: Behaviours
    pair: list[list[list[list[float]]]] | None
    crossing: list[CrossingHead] | None
    answer: AnswerMass | None
    prediction: Said | None
    selected: SelectedToken
    rows: HeadScores | None
    changed: Changed
    positions: Positions | None
    before: BeforeTrace | None
    frames: AttentionFrames | None
    explanation: Explanation | None
    full: list[FullHead]
    view: dict[str, object] | None
    code: str
    asked: dict[str, object]
    notes: list[str]
    footer: list[str]
    precomputed: bool


# -- the microscope (microscope/microscope.js) and a student (run/student.js) ---------------------------------------


class Side(TypedDict):
    title: str
    layer: int
    head_size: int


class BadgePayload(TypedDict):
    """What the teacher is to the student."""

    kind: str
    title: str
    about: str


class Relation(TypedDict):
    """`divergence`: base64 of float32 [H, T]."""

    name: str
    title: str
    letters: str
    about: str
    equations: list[str]
    loss: float
    teacher: Weights
    student: Weights
    divergence: str


# {relation, head, from, to}: `from` is no name in a class of Python.
SelectedCell = TypedDict("SelectedCell", {"relation": str, "head": int, "from": int, "to": int})


class RelationScores(TypedDict):
    """Raw scores of one head on both sides: base64 of float32 [T, T]."""

    relation: str
    head: int
    teacher: str
    student: str


class MicroscopeFrames(TypedDict):
    """The student while it learned: `student` {relation: [weights]}, `divergence` {relation: [[H]]}, one a step."""

    steps: list[int]
    heads: int
    student: dict[str, list[str]]
    divergence: dict[str, list[list[float]]]


class MicroscopePayload(TypedDict):
    kind: Literal["microscope"]
    teacher: Side
    student: Side
    recipe: str
    badge: BadgePayload
    texts: list[str]
    tokens: Tokens
    words: list[Word]
    size: int
    heads: int
    relations: list[Relation]
    selected: SelectedCell
    rows: RelationScores | None
    frames: MicroscopeFrames | None
    view: dict[str, object] | None
    code: str
    asked: dict[str, object]
    notes: list[str]
    footer: list[str]
    precomputed: bool


class StudentMaps(TypedDict):
    """Pictures of a run's watched text from number `since` on; `restart`: they begin anew."""

    since: int
    next: int
    restart: bool
    value: MicroscopePayload
    frames: MicroscopeFrames


# -- the experiment "Does it help?" (run/ablation.js) --------------------------------------------------------------


class ExperimentState(TypedDict):
    run: str
    status: str
    final: bool
    sentence: str
    progress: Progress | None
    stop: str
    error: Trouble | None


class DrawnExperiment(TypedDict):
    findings: list[str]
    figure: FigurePayload
    about: str
    gains: Table | None
    figures: list[Pair]
    notes: list[str]


class PaperTable(TypedDict):
    title: str
    about: str
    headings: list[str]
    rows: list[list[str]]


class AblationPayload(TypedDict):
    run: ExperimentState | None
    drawn: DrawnExperiment | None
    empty: str
    paper: PaperTable | None
    code: NotRequired[str]
