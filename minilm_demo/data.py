"""Rows of a task, with the same columns, label ids and splits whoever answers: a file, a mirror, the Hub, the sample.

    source = open_source(task, data)         data: "auto" | "hub" | "sample" | a folder | a file
    rows = source.read("train+train_more")   checked rows: the task's text fields as text, the label as the task's id

A row is a dict with the task's columns. Labels are mapped by *name* wherever the source tells its names. A span row has
`answers = {"text": [...], "answer_start": [...]}`, empty lists for "no answer".
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import hub
from .errors import DataError, DemoError
from .results import DataSource
from .tasks import Task

SAMPLE_ROOT = Path(__file__).resolve().parent.parent / "examples" / "datasets"
FILE_KINDS = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
FILE_VALIDATION_SHARE = 0.2  # a file of one's own has no validation split: this share of it, at most 1,000 rows
MAX_FILE_BYTES = 50_000_000
# What people call the columns, for guessing: field of a task -> names seen in the wild.
SYNONYMS = {
    "sentence": ("text", "review", "content", "comment", "phrase", "tweet"),
    "premise": ("sentence1", "text1", "text_a", "context"),
    "hypothesis": ("sentence2", "text2", "text_b", "claim"),
    "sentence1": ("premise", "text1", "text_a", "question1", "first"),
    "sentence2": ("hypothesis", "text2", "text_b", "question2", "second"),
    "question1": ("sentence1", "text1", "q1", "text_a"),
    "question2": ("sentence2", "text2", "q2", "text_b"),
    "question": ("query",),
    "context": ("passage", "paragraph", "text", "document"),
    "label": ("labels", "class", "category", "target", "gold_label", "sentiment", "score", "rating", "y"),
    "answers": ("answer", "answer_text"),
}


@dataclass(frozen=True)
class Source:
    """Somewhere rows come from; `read(split)` gives checked rows, `splits+joined+like+this` included."""

    task: Task
    kind: str  # "file" | "mirror" | "hub" | "sample"
    title: str
    read_split: Callable[[str], list[dict]]
    eval_splits: tuple[str, ...]

    def read(self, splits: str) -> list[dict]:
        return [row for split in splits.split("+") for row in self.read_split(split)]

    def describe(self, used: Mapping[str, int], extra: Sequence[str] = ()) -> DataSource:
        """The words that stand beside every result: the source, and how many of the official rows were used."""
        parts = [_count(self.task, split, rows, self.kind) for split, rows in used.items()]
        also = f"; also {', '.join(Path(path).name for path in extra)}" if extra else ""
        return DataSource(self.kind, f"{self.title}: {', '.join(parts)}{also}", dict(used))


def _count(task: Task, split: str, rows: int, kind: str) -> str:
    official = sum(task.official_rows.get(name, 0) for name in split.split("+"))
    if kind in ("mirror", "hub") and official:
        return f"{rows:,} of {official:,} rows of {split}"
    return f"{rows:,} rows of {split}"


def open_source(task: Task, data: str = "auto", splits: Sequence[str] = ()) -> Source:
    """Where the rows of `task` come from. `auto` takes the first that has all `splits`: the mirror at `MINILM_DATA`,
    the Hub, the bundled sample. Raises `DataError` or `Unavailable` when what was asked for by name is not there."""
    if data == "auto":
        return _first_available(task, splits)
    if data == "sample":
        return sample_source(task)
    if data == "hub":
        return hub_source(task)
    path = Path(data).expanduser()
    if path.is_dir():
        return mirror_source(task, path)
    if path.is_file():
        return file_source(task, path)
    raise DataError(
        f"No data at '{data}'. Give auto, hub, sample, a folder (glue/<task>/<split>-*.parquet or one task's own "
        f"folder) or a file ({', '.join(FILE_KINDS)})."
    )


def mirror_root() -> Path | None:
    """The local mirror named by `MINILM_DATA`, if it is there."""
    root = os.environ.get("MINILM_DATA")
    return Path(root) if root and Path(root).is_dir() else None


def _first_available(task: Task, splits: Sequence[str]) -> Source:
    wanted = [name for split in splits for name in split.split("+")]
    if root := mirror_root():
        folder = mirror_folder(task, root)
        if folder and all(split_files(folder, split) for split in wanted):
            return mirror_source(task, root)
    if hub.is_reachable():
        return hub_source(task)
    return sample_source(task)


# -- the four sources ----------------------------------------------------------------------------------------------


def sample_source(task: Task) -> Source:
    """The sentences written for this demo. A task without unanswerable questions takes the answerable rows."""
    folder = SAMPLE_ROOT / task.sample_folder

    def read_split(split: str) -> list[dict]:
        return _usable(task, _read_folder(task, folder, split))

    return Source(task, "sample", "bundled sample, written for this demo, not GLUE", read_split, task.eval_splits)


def mirror_folder(task: Task, root: Path) -> Path | None:
    """The task's folder below a mirror's root (`glue/sst2`, `squad_v2`), or `root` itself if it holds splits."""
    name, configuration = task.dataset
    below = root / name.split("/")[-1] / (configuration or "")
    if below.is_dir():
        return below
    return root if any(root.glob("*.parquet")) or any(root.glob("*.jsonl")) else None


def mirror_source(task: Task, root: Path) -> Source:
    folder = mirror_folder(task, root)
    if folder is None:
        name, configuration = task.dataset
        wanted = "/".join(filter(None, (name.split("/")[-1], configuration)))
        raise DataError(f"{root} has no data for {task.name}: expected {wanted}/<split>-*.parquet below it.")

    def read_split(split: str) -> list[dict]:
        return _usable(task, _read_folder(task, folder, split))

    return Source(task, "mirror", f"{task.name} from a local mirror", read_split, task.eval_splits)


def hub_source(task: Task) -> Source:
    """The official rows through `datasets`. The library caches them, so a second run needs no network."""
    name, configuration = task.dataset

    def read_split(split: str) -> list[dict]:
        with hub.explained(f"the data set {name}"):
            dataset = hub.load_dataset(name, configuration, split)
        return _usable(task, check_rows(task, dataset.to_list(), _names(dataset.features, task), f"{name} {split}"))

    return Source(task, "hub", f"{task.name} from {name} on the Hub", read_split, task.eval_splits)


def file_source(task: Task, path: Path) -> Source:
    """A file of one's own. It has no splits: `train` and `validation` are a fixed shuffle of its rows, `all` is all."""
    rows = read_file(task, path)
    order = random.Random(0).sample(range(len(rows)), len(rows))
    held = min(1000, max(1, round(len(rows) * FILE_VALIDATION_SHARE)))
    parts = {"all": range(len(rows)), "validation": sorted(order[:held]), "train": sorted(order[held:])}

    def read_split(split: str) -> list[dict]:
        if split not in parts:
            raise DataError(f"A file has the splits {', '.join(parts)}; '{split}' was asked for.")
        return [rows[index] for index in parts[split]]

    return Source(task, "file", f"own file {path.name}", read_split, ("validation",))


def read_extra(task: Task, path: str) -> list[dict]:
    """All rows of an additional folder (its `train` split) or file, labels mapped by name."""
    place = Path(path).expanduser()
    if place.is_dir():
        return _usable(task, _read_folder(task, place, "train"))
    if place.is_file():
        return read_file(task, place)
    raise DataError(f"No extra training data at '{path}': give a folder with train-*.parquet or a file.")


# -- reading -------------------------------------------------------------------------------------------------------


def split_files(folder: Path, split: str) -> list[Path]:
    """The files of exactly this split: `<split>-*.parquet` or `<split>.jsonl` (`train` never takes `train_extra`)."""
    return sorted(folder.glob(f"{split}-*.parquet")) or sorted(folder.glob(f"{split}.jsonl"))


def _read_folder(task: Task, folder: Path, split: str) -> list[dict]:
    files = split_files(folder, split)
    if not files:
        there = sorted({file.name.split("-")[0].removesuffix(".jsonl") for file in _data_files(folder)})
        raise DataError(
            f"No split '{split}' for {task.name} in {folder}: expected {split}-*.parquet or {split}.jsonl. "
            f"There is: {', '.join(there) or 'nothing'}."
        )
    rows = []
    for file in files:
        raw, names = _read_parquet(file, task) if file.suffix == ".parquet" else (_read_jsonl(file), None)
        rows += check_rows(task, raw, names, file.name)
    return rows


def _data_files(folder: Path) -> list[Path]:
    return [*folder.glob("*.parquet"), *folder.glob("*.jsonl")]


def _read_parquet(file: Path, task: Task) -> tuple[list[dict], Sequence[str] | None]:
    """Rows and label names of a parquet file; `datasets` keeps the names in the schema's metadata."""
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(file)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{file.name} cannot be read as parquet: {error}") from error
    metadata = json.loads((table.schema.metadata or {}).get(b"huggingface", b"{}"))
    feature = metadata.get("info", {}).get("features", {}).get(task.label_field, {})
    return table.to_pylist(), feature.get("names") if isinstance(feature, dict) else None


def _read_jsonl(file: Path) -> list[dict]:
    rows = []
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{file.name}, line {number} is not JSON: {error.msg}. One JSON object a line.") from error
        if not isinstance(row, dict):
            raise DataError(f"{file.name}, line {number} is not a JSON object: {line[:60]}")
        rows.append(row)
    return rows


def _names(features, task: Task) -> Sequence[str] | None:
    return getattr(features.get(task.label_field), "names", None)


def _usable(task: Task, rows: list[dict]) -> list[dict]:
    """Rows without an answer are left out where the task has none."""
    if task.kind != "span" or task.has_unanswerable:
        return rows
    return [row for row in rows if row[task.label_field]["text"]]


# -- a file of one's own -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FilePreview:
    """What a file looks like to a task: its columns, the guess which is which, and its first rows as they are."""

    columns: tuple[str, ...]
    guess: Mapping[str, str]  # column of the task -> column of the file
    missing: tuple[str, ...]  # columns of the task that nothing was found for
    first_rows: tuple[Mapping[str, str], ...]
    rows: int


def preview_file(task: Task, path: Path) -> FilePreview:
    """Columns guessed by name, then by case, then by what people call them; never by position alone."""
    raw = _read_raw(Path(path))
    if not raw:
        raise DataError(f"{Path(path).name} has no rows.")
    columns = tuple(dict.fromkeys(str(column) for row in raw[:100] for column in row))
    guess = guess_columns(task, columns)
    first = tuple({column: str(row.get(column, "")) for column in columns} for row in raw[:5])
    missing = tuple(column for column in task.columns if column not in guess)
    return FilePreview(columns, guess, missing, first, len(raw))


def guess_columns(task: Task, columns: Sequence[str]) -> dict[str, str]:
    """Column of the task -> column of the file, each used once."""
    by_name = {column.strip().casefold(): column for column in reversed(columns)}
    guess: dict[str, str] = {}
    for field in task.columns:  # names of the task itself first, so that a synonym never takes another field's column
        if field in by_name:
            guess[field] = by_name[field]
    for field in task.columns:
        for name in SYNONYMS.get(field, ()):
            if field not in guess and name in by_name and by_name[name] not in guess.values():
                guess[field] = by_name[name]
    return guess


def read_file(task: Task, path: Path) -> list[dict]:
    """The checked rows of a CSV, TSV, JSON-lines or parquet file."""
    path = Path(path)
    preview = preview_file(task, path)
    if preview.missing:
        raise DataError(
            f"{path.name} has no column for {' and '.join(preview.missing)}. Found: {', '.join(preview.columns)}. "
            f"Needed: {', '.join(task.columns)}. First row: {_show(preview.first_rows[0])}"
        )
    raw = [
        {field: row.get(column) for field, column in preview.guess.items()} | _offset(row) for row in _read_raw(path)
    ]
    return _usable(task, check_rows(task, raw, None, path.name))


def _offset(row: Mapping) -> dict:
    return {"answer_start": row["answer_start"]} if "answer_start" in row else {}


def _read_raw(path: Path) -> list[dict]:
    if path.suffix.lower() not in FILE_KINDS:
        raise DataError(f"{path.name}: files may be {', '.join(FILE_KINDS)}.")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise DataError(f"{path.name} has {path.stat().st_size / 1e6:.0f} MB; at most {MAX_FILE_BYTES / 1e6:.0f} MB.")
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet

        return pyarrow.parquet.read_table(path).to_pylist()
    try:
        if path.suffix.lower() in (".jsonl", ".json"):
            return _read_jsonl(path)
        return _read_table(path)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.name} is not UTF-8 text (byte {error.start}). Save it as UTF-8 and try again."
        ) from error


def _read_table(path: Path) -> list[dict]:
    """A CSV or TSV as text: "NA" and "" stay what they are."""
    import pandas

    separator = "\t" if path.suffix.lower() == ".tsv" else None
    try:
        frame = pandas.read_csv(
            path, sep=separator, dtype=str, keep_default_na=False, engine="python", encoding="utf-8-sig"
        )
    except (pandas.errors.ParserError, pandas.errors.EmptyDataError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise
        raise DataError(
            f"{path.name} cannot be read as a table: {error}. The first line must name the columns."
        ) from error
    return frame.to_dict("records")


# -- checking ------------------------------------------------------------------------------------------------------


def check_rows(task: Task, raw: Sequence[Mapping], names: Sequence[str] | None, where: str) -> list[dict]:
    """Rows with exactly the task's columns, labels as its ids (by `names`, the source's own order, where given)."""
    if not raw:
        return []
    missing = [column for column in task.columns if column not in raw[0]]
    if missing:
        raise DataError(
            f"{where} has no column for {' and '.join(missing)}. Found: {', '.join(map(str, raw[0]))}. "
            f"Needed: {', '.join(task.columns)}. First row: {_show(raw[0])}"
        )
    convert = {"classification": _class_id, "regression": _target, "span": _answers}[task.kind]
    rows = []
    for number, row in enumerate(raw, 1):
        try:
            checked = {field: _text(row[field], field) for field in task.text_fields}
            checked[task.label_field] = convert(task, row, names)
        except DemoError as error:
            raise DataError(f"{where}, row {number}: {error} Row: {_show(row)}") from error
        if "id" in row:
            checked["id"] = str(row["id"])
        rows.append(checked)
    return rows


def _text(value, field: str) -> str:
    text = "" if value is None else str(value)
    if not text.strip():
        raise DataError(f"the column {field} is empty.")
    return text


def _class_id(task: Task, row: Mapping, names: Sequence[str] | None) -> int:
    value = row[task.label_field]
    if names is not None and isinstance(value, int) and 0 <= value < len(names):
        value = names[value]
    known = {_plain(label): index for index, label in enumerate(task.labels)}
    known |= {str(index): index for index in range(len(task.labels))}
    text = _plain(str(value)).removesuffix(".0")
    if text not in known:
        choices = ", ".join(f"{index} or {label}" for index, label in enumerate(task.labels))
        raise DataError(f"the label is '{value}'; it must be {choices}.")
    return known[text]


def _plain(label: str) -> str:
    return label.strip().casefold().replace(" ", "_").replace("-", "_")


def _target(task: Task, row: Mapping, names) -> float:
    low, high = task.score_range
    try:
        target = float(row[task.label_field])
    except (TypeError, ValueError):
        target = float("nan")
    if not low <= target <= high:
        raise DataError(f"the score is '{row[task.label_field]}'; it must be a number from {low:g} to {high:g}.")
    return target


def _answers(task: Task, row: Mapping, names) -> dict:
    """`{"text", "answer_start"}` from that shape, from a text with an offset, or from a text found in the context."""
    value, context = row[task.label_field], str(row["context"])
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise DataError(f"the answers '{value[:60]}' are not JSON.") from error
    if isinstance(value, Mapping):
        texts, starts = list(value.get("text", ())), [int(start) for start in value.get("answer_start", ())]
    else:
        texts = [str(value)] if value else []
        starts = [int(row["answer_start"])] if texts and str(row.get("answer_start") or "").isdigit() else []
        starts = starts or [context.find(text) for text in texts]
    for text, start in zip(texts, starts, strict=True):
        if start < 0 or context[start : start + len(text)] != text:
            raise DataError(f"the answer '{text}' does not stand in the context at character {start}.")
    return {"text": texts, "answer_start": starts}


def _show(row: Mapping) -> str:
    return json.dumps({key: str(value)[:60] for key, value in row.items()}, ensure_ascii=False)


# -- choosing rows -------------------------------------------------------------------------------------------------

MAX_HELD_BACK = 1000
MIN_ROWS_TO_HOLD_BACK = 500


def draw(rows: Sequence[dict], number: int | None, seed: int) -> tuple[list[dict], list[dict]]:
    """`number` rows drawn at random by `seed` (all, in their order, if None or more than there are), and the rest."""
    if number is None or number >= len(rows):
        return list(rows), []
    order = random.Random(seed).sample(range(len(rows)), len(rows))
    return [rows[index] for index in order[:number]], [rows[index] for index in order[number:]]


def hold_back(rows: list[dict], rest: list[dict], seed: int) -> tuple[list[dict], list[dict]]:
    """Rows to train on and rows to choose the best checkpoint by: a tenth, at most 1,000, none under 500 rows.

    They come from `rest`, the train rows that were not drawn, when there are enough, else from `rows` themselves."""
    number = min(MAX_HELD_BACK, len(rows) // 10)
    if len(rows) < MIN_ROWS_TO_HOLD_BACK:
        return rows, []
    if len(rest) >= number:
        return rows, rest[:number]
    held, kept = draw(rows, number, seed)
    return kept, held


def require_rows(task: Task, rows: Sequence, split: str, at_least: int = 1) -> None:
    if len(rows) < at_least:
        raise DataError(f"{task.name} {split} has {len(rows)} rows; at least {at_least} are needed.")


def available_sources(task: Task) -> dict[str, str]:
    """data argument -> why one would take it, for those that answer without the network. For menus."""
    sources = {"sample": "bundled sample (written for this demo)"}
    root = mirror_root()
    if root and (folder := mirror_folder(task, root)) and split_files(folder, "train"):
        sources = {str(root): "local mirror of the real data"} | sources
    return sources
