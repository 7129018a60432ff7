"""Rows of a task, with the same columns, label ids and splits whoever answers: a file, a mirror, the Hub, the sample.

    source = open_source(task, data)         data: "auto" | "hub" | "sample" | a folder | a file
    rows = source.read("train+train_more")   checked rows: the task's text fields as text, the label as the task's id

A row is a dict with the task's columns. Labels are mapped by *name* wherever the source tells its names. A span row has
`answers = {"text": [...], "answer_start": [...]}`, empty lists for "no answer".
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import hub
from .errors import DataError, DemoError
from .results import DataSource
from .tasks import Task

SAMPLE_ROOT = Path(__file__).resolve().parent.parent / "examples" / "datasets"
FILE_KINDS = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
FILE_SPLITS = ("all", "validation", "train")
FILE_VALIDATION_SHARE = 0.2  # a file of one's own has no validation split: this share of it, at most 1,000 rows
MAX_FILE_BYTES = 50_000_000
MAX_FILE_ROWS = 1_000_000  # of a parquet file; no other kind packs more into so few bytes
UNFOLDED, CELLS_PER_ROW = 4, 10  # times MAX_FILE_BYTES, and times MAX_FILE_ROWS: what a parquet file may unfold to
BATCH_BYTES = 1_000_000_000  # what the rows of one batch could take while that is found out, at the very worst
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
    local_rows: Callable[[str], int] | None = None  # rows of a split that are here, where that may be less than all
    find_split: Callable[[str], object] | None = None  # raises `DataError` if it is not there; the Hub is not asked

    def read(self, splits: str) -> list[dict]:
        """The rows themselves are shared by all who read them, and not to be changed."""
        return [row for split in splits.split("+") for row in self.read_split(split)]

    def require_splits(self, *splits: str) -> None:
        """Raise `DataError` for a split that is not there, before any row is read."""
        for split in splits if self.find_split else ():
            for name in split.split("+"):
                self.find_split(name)

    def describe(self, used: Mapping[str, int]) -> DataSource:
        """The words that stand beside every result: the source, and how many of the official rows were used."""
        parts = [self._count(split, rows) for split, rows in used.items()]
        return DataSource(self.kind, f"{self.title}: {', '.join(parts)}", dict(used))

    def _count(self, split: str, rows: int) -> str:
        names = split.split("+")
        official = sum(self.task.official_rows.get(name, 0) for name in names)
        if self.kind not in ("mirror", "hub") or not official:
            return f"{rows:,} rows of {split}"
        local = sum(map(self.local_rows, names)) if self.local_rows else official
        if local != official:
            return f"{rows:,} of {local:,} local rows of {split} (official: {official:,})"
        return f"{rows:,} of {official:,} rows of {split}"


def open_source(task: Task, data: str = "auto", splits: Sequence[str] = ()) -> Source:
    """Where the rows of `task` come from. `auto` takes the first that has all `splits`: the mirror at `MINILM_DATA`,
    the Hub, the bundled sample. Raises `DataError` or `Unavailable` when what was asked for by name is not there."""
    if data == "auto":
        return _first_available(task, splits)
    if data == "sample":
        return sample_source(task)
    if data == "hub":
        return hub_source(task)
    if data == "mirror":
        return _named_mirror(task)
    path = find_place(data)
    if path is not None:
        return mirror_source(task, path) if path.is_dir() else file_source(task, path)
    raise DataError(
        f"No data at '{_shortened(data)}'. Give auto, mirror, hub, sample, a folder (glue/<task>/<split>-*.parquet or "
        f"one task's own folder) or a file ({', '.join(FILE_KINDS)})."
    )


def find_place(given: str | Path) -> Path | None:
    """The folder or file of this name; None where there is none, or where no file can have it (too long, ~nobody)."""
    with suppress(OSError, RuntimeError, ValueError):
        path = Path(given).expanduser()
        if path.is_dir() or path.is_file():
            return path
    return None


def _shortened(text: str, most: int = 100) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def mirror_root() -> Path | None:
    """The local mirror named by `MINILM_DATA`, if it is there."""
    root = os.environ.get("MINILM_DATA")
    return Path(root) if root and Path(root).is_dir() else None


def _named_mirror(task: Task) -> Source:
    root = mirror_root()
    if root is None:
        raise DataError("There is no local mirror: set MINILM_DATA to a folder with glue/<task>/<split>-*.parquet.")
    return mirror_source(task, root)


def _first_available(task: Task, splits: Sequence[str]) -> Source:
    wanted = [name for split in splits for name in split.split("+")]
    if root := mirror_root():
        folder = mirror_folder(task, root)
        if folder and all(split_files(folder, split) for split in wanted):
            return mirror_source(task, root)
    if hub.has_dataset(*task.dataset):
        return hub_source(task)
    return sample_source(task)


# -- the four sources ----------------------------------------------------------------------------------------------


def sample_source(task: Task) -> Source:
    """The sentences written for this demo. A task without unanswerable questions takes the answerable rows."""
    folder = SAMPLE_ROOT / task.sample_folder

    @cache
    def read_split(split: str) -> list[dict]:
        return _usable(task, _read_folder(task, folder, split))

    def find_split(split: str) -> list[Path]:
        return _require_split(task, folder, split)

    title = f"bundled sample, written for this demo, not {task.benchmark}"
    return Source(task, "sample", title, read_split, task.eval_splits, find_split=find_split)


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

    @cache  # a run asks for its validation rows twice: to count them, and at the end to score them
    def read_split(split: str) -> list[dict]:
        return _usable(task, _read_folder(task, folder, split))

    def find_split(split: str) -> list[Path]:
        return _require_split(task, folder, split)

    def local_rows(split: str) -> int:
        return sum(map(_count_rows, split_files(folder, split)))

    title = f"{task.name} from a local mirror"
    return Source(task, "mirror", title, read_split, task.eval_splits, local_rows, find_split)


def hub_source(task: Task) -> Source:
    """The official rows through `datasets`. The library caches them, so a second run needs no network."""
    name, configuration = task.dataset

    @cache
    def read_split(split: str) -> list[dict]:
        dataset = hub.load_dataset(name, configuration, split)
        return _usable(task, check_rows(task, dataset.to_list(), _names(dataset.features, task), f"{name} {split}"))

    return Source(task, "hub", f"{task.name} from {name} on the Hub", read_split, task.eval_splits)


def file_source(task: Task, path: Path) -> Source:
    """A file of one's own. It has no splits: `train` and `validation` are a fixed shuffle of its rows, `all` is all.

    It is read when the first rows are asked for, as the other sources are: what is wrong inside is found out there."""
    _check_kind(path)

    @cache
    def parts() -> dict[str, list[dict]]:
        rows = read_file(task, path)
        order = random.Random(0).sample(range(len(rows)), len(rows))
        held = min(1000, max(1, round(len(rows) * FILE_VALIDATION_SHARE)))
        chosen = {"validation": sorted(order[:held]), "train": sorted(order[held:])}
        return {"all": rows} | {split: [rows[index] for index in indices] for split, indices in chosen.items()}

    def find_split(split: str) -> None:
        if split not in FILE_SPLITS:
            raise DataError(f"A file has the splits {', '.join(FILE_SPLITS)}; '{split}' was asked for.")

    def read_split(split: str) -> list[dict]:
        find_split(split)
        return parts()[split]

    return Source(task, "file", f"own file {path.name}", read_split, ("validation",), find_split=find_split)


def read_extra(task: Task, path: str) -> list[dict]:
    """All rows of an additional folder (its `train` split) or file, labels mapped by name."""
    place = find_extra(task, path)
    return _usable(task, _read_folder(task, place, "train")) if place.is_dir() else read_file(task, place)


def find_extra(task: Task, path: str) -> Path:
    """Where `read_extra` reads; raises `DataError` when there is nothing for it, and reads no row."""
    place = find_place(path)
    if place is None:
        raise DataError(
            f"No extra training data at '{_shortened(path)}': give a folder with train-*.parquet or a file."
        )
    if place.is_dir():
        _require_split(task, place, "train")
    else:
        _check_kind(place)
    return place


def short_name(path: Path) -> str:
    """What a folder or file of rows is called in words: its last part, and of one file of a split
    (`xnli_en/test-00000-of-00001.parquet`) the folder and the split."""
    split = re.fullmatch(r"([\w.]+)-\d+-of-\d+\.parquet", path.name)
    return f"{path.parent.name}/{split[1]}".lstrip("/") if split else path.name


# -- reading -------------------------------------------------------------------------------------------------------


def split_files(folder: Path, split: str) -> list[Path]:
    """The files of exactly this split: `<split>-*.parquet` or `<split>.jsonl` (`train` never takes `train_extra`)."""
    if not re.fullmatch(r"[\w.-]+", split):  # "*" is no split
        return []
    return sorted(folder.glob(f"{split}-*.parquet")) or sorted(folder.glob(f"{split}.jsonl"))


def _require_split(task: Task, folder: Path, split: str) -> list[Path]:
    """The files of a split; `DataError` with those that are there instead."""
    files = split_files(folder, split)
    if not files:
        there = sorted({file.name.split("-")[0].removesuffix(".jsonl") for file in _data_files(folder)})
        raise DataError(
            f"No split '{split}' for {task.name} in {folder}: expected {split}-*.parquet or {split}.jsonl. "
            f"There is: {', '.join(there) or 'nothing'}."
        )
    return files


def _read_folder(task: Task, folder: Path, split: str) -> list[dict]:
    rows = []
    for file in _require_split(task, folder, split):
        raw, names = _read_rows(file)
        rows += check_rows(task, raw, names.get(task.label_field), file.name)
    return rows


def _data_files(folder: Path) -> list[Path]:
    return [*folder.glob("*.parquet"), *folder.glob("*.jsonl")]


def _count_rows(file: Path) -> int:
    import pyarrow.parquet

    if file.suffix == ".parquet":
        return pyarrow.parquet.read_metadata(file).num_rows
    return len(_read_jsonl(file))


def _read_rows(file: Path) -> tuple[list[dict], dict[str, Sequence[str]]]:
    """The rows of a file as they stand, and the label names of the columns that have some (parquet)."""
    kind = file.suffix.lower()
    if kind == ".parquet":
        return _read_parquet(file)
    return (_read_jsonl(file) if kind in (".jsonl", ".json") else _read_separated(file)), {}


def _read_parquet(file: Path) -> tuple[list[dict], dict[str, Sequence[str]]]:
    """Rows and label names of a parquet file; `datasets` keeps the names in the schema's metadata."""
    import pyarrow.parquet

    with _as_parquet(file):
        table = pyarrow.parquet.read_table(file)
        return table.to_pylist(), _label_names(file, (table.schema.metadata or {}).get(b"huggingface", b"{}"))


@contextmanager
def _as_parquet(file: Path) -> Iterator[None]:
    """One sentence for whatever is wrong inside; text that is not UTF-8 or a date no calendar has is a ValueError."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        said = " ".join(str(error).replace(str(file), file.name).split())
        raise DataError(f"{file.name} cannot be read as parquet: {said}") from error


def _label_names(file: Path, metadata: bytes) -> dict[str, Sequence[str]]:
    """Column -> its label names, from what `datasets` wrote into the file."""
    try:
        features = json.loads(metadata).get("info", {}).get("features", {})
        described = {
            column: one["names"] for column, one in features.items() if isinstance(one, dict) and "names" in one
        }
    except (ValueError, AttributeError, RecursionError) as error:
        raise DataError(f"{file.name}: its metadata named 'huggingface', with the label names, is broken.") from error
    return {column: names for column, names in described.items() if isinstance(names, list)}


def _check_unfolded(file: Path) -> None:
    """Refuse a parquet file that holds far more than its size says, before its rows are made: what repeats takes hardly
    any room in it. Its own counts come first; a text that stands in it once, for many rows, is only seen on a walk."""
    import pyarrow.parquet

    most = UNFOLDED * MAX_FILE_BYTES
    with _as_parquet(file), pyarrow.parquet.ParquetFile(file) as parquet:
        groups = [parquet.metadata.row_group(index) for index in range(parquet.num_row_groups)]
        columns = [group.column(index) for group in groups for index in range(group.num_columns)]
        rows, size = parquet.metadata.num_rows, sum(group.total_byte_size for group in groups)
        cells = sum(column.num_values for column in columns)
        if rows <= MAX_FILE_ROWS and cells <= CELLS_PER_ROW * MAX_FILE_ROWS and size <= most:
            largest = max((column.total_uncompressed_size for column in columns), default=1)
            size = 0
            at_once = max(1, min(1000, BATCH_BYTES // max(1, largest)))  # no value is larger than its whole column
            for batch in parquet.iter_batches(batch_size=at_once):
                size += sum(map(_unfolded_bytes, batch.columns))
                if size > most:
                    break
            else:
                return
    raise DataError(
        f"{file.name} unfolds to {rows:,} rows with {cells:,} values and at least {size / 1e6:,.0f} MB; at most "
        f"{MAX_FILE_ROWS:,} rows with {CELLS_PER_ROW * MAX_FILE_ROWS:,} values and {most / 1e6:,.0f} MB can be read."
    )


def _unfolded_bytes(column) -> int:
    """Of an Arrow array, with every text counted in every row, also where the array itself keeps it once."""
    return (column.dictionary_decode() if hasattr(column, "dictionary_decode") else column).nbytes


def read_text(file: Path) -> str:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{file.name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file.name} is not UTF-8 text (byte {error.start}). Save it as UTF-8 and try again."
        ) from error
    if "\0" in text:
        raise DataError(f"{file.name} is not UTF-8 text (it holds zero bytes). Save it as UTF-8 and try again.")
    return text


def _read_jsonl(file: Path) -> list[dict]:
    """One JSON object a line, or one array of objects. Only "\\n" ends a line: JSON may hold U+2028 and its kin."""
    text = read_text(file)
    if text.lstrip().startswith("["):
        values = list(enumerate(_parse(text, file.name), 1))
    else:
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        hint = " One JSON object a line."
        values = [(number, _parse(line, f"{file.name}, line {number}", hint)) for number, line in lines]
    for number, value in values:
        if not isinstance(value, dict):
            raise DataError(f"{file.name}, line {number} is not a JSON object: {str(value)[:60]}")
    return [value for _, value in values]


def _parse(text: str, where: str, hint: str = ""):
    """The value of a JSON text. Python also refuses what is nested a thousand deep, and numbers of 4,300 digits."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{where} is not JSON: {error.msg} at character {error.pos + 1}.{hint}") from error
    except (RecursionError, ValueError) as error:
        raise DataError(f"{where} is nested too deeply, or holds a number with too many digits.") from error


def _read_separated(file: Path) -> list[dict]:
    """A CSV or TSV as text: "NA" and "" stay what they are. A row of another length than the first line is an error,
    for a text with an unquoted comma would otherwise land in the wrong column. Columns without a name, which
    spreadsheets leave behind, are left out where they are empty, else called by their place."""
    text = read_text(file).lstrip("\r\n")
    header = text.partition("\n")[0]
    separator = "\t" if file.suffix.lower() == ".tsv" else max(",;\t|", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows = []
    try:
        header = next(reader, [])
        for row in reader:
            if not any(map(str.strip, row)):
                continue  # spreadsheets leave lines of separators behind
            if len(row) != len(header):
                raise DataError(
                    f"{file.name}, line {reader.line_num} has {len(row)} fields, the first line names "
                    f"{len(header)} columns. Text that holds '{separator}' must stand in double quotes."
                )
            rows.append(row)
    except csv.Error as error:
        raise DataError(
            f"{file.name} cannot be read as a table: line {reader.line_num}: {error}. The first line must name the "
            "columns; a text with double quotes in it must stand in double quotes, with those inside doubled."
        ) from error
    names = {
        place: name if name.strip() else f"column {place + 1}"
        for place, name in enumerate(header)
        if name.strip() or any(row[place].strip() for row in rows)
    }
    if twice := [name for name, number in Counter(names.values()).items() if number > 1]:
        raise DataError(f"{file.name} names the column '{twice[0]}' twice. Rename one of them.")
    return [{name: row[place] for place, name in names.items()} for row in rows]


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
    return _preview(task, Path(path), read_table(Path(path))[0])


def _preview(task: Task, path: Path, raw: Sequence[Mapping]) -> FilePreview:
    if not raw:
        raise DataError(f"{path.name} has no rows.")
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
    raw, names = read_table(path)
    preview = _preview(task, path, raw)
    if preview.missing:
        raise DataError(
            f"{path.name} has no column for {' and '.join(preview.missing)}. Found: {', '.join(preview.columns)}. "
            f"Needed: {', '.join(task.columns)}. First row: {_show(preview.first_rows[0])}"
        )
    beside = ("id", "answer_start")
    raw = [
        {name: row[name] for name in beside if name in row}
        | {field: row.get(column) for field, column in preview.guess.items()}
        for row in raw
    ]
    return _usable(task, check_rows(task, raw, names.get(preview.guess[task.label_field]), path.name))


def read_table(path: Path) -> tuple[list[dict], dict[str, Sequence[str]]]:
    """The rows of somebody's own file as they stand, and label names where it has some; a huge one is refused."""
    _check_kind(path)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise DataError(f"{path.name} has {path.stat().st_size / 1e6:.0f} MB; at most {MAX_FILE_BYTES / 1e6:.0f} MB.")
    if path.suffix.lower() == ".parquet":
        _check_unfolded(path)
    return _read_rows(path)


def _check_kind(path: Path) -> None:
    if path.suffix.lower() not in FILE_KINDS:
        raise DataError(f"{path.name}: files may be {', '.join(FILE_KINDS)}.")


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
            row = dict.fromkeys(task.columns) | row  # a JSON line may leave a column out
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
    return encodable(text)


def encodable(text: str) -> str:
    """The text with half surrogate pairs, which JSON can hold and UTF-8 cannot, as "?"; all offsets stay."""
    return text.encode("utf-8", "replace").decode("utf-8")


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
    value, context = row[task.label_field], str(row[task.text_fields[1]])
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise DataError(f"the answers '{value[:60]}' are not JSON.") from error
    if not isinstance(value, Mapping):
        texts = [str(value)] if value is not None and str(value).strip() else []
        offset = str(row.get("answer_start", ""))
        given = texts and offset.isdecimal()
        value = {"text": texts, "answer_start": [int(offset)] if given else [context.find(text) for text in texts]}
    try:
        answers = [(str(text), int(start)) for text, start in zip(value["text"], value["answer_start"], strict=True)]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError('the answers must be {"text": [...], "answer_start": [...]}, a start for each text.') from error
    for text, start in answers:
        if start < 0:
            raise DataError(f"the answer '{text}' does not stand in the context.")
        if not text or context[start : start + len(text)] != text:
            raise DataError(f"the answer '{text}' does not stand in the context at character {start}.")
    return {"text": [text for text, _ in answers], "answer_start": [start for _, start in answers]}


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


def local_sources(task: Task) -> tuple[str, ...]:
    """The `data` arguments that answer without the network, the best first."""
    root = mirror_root()
    folder = mirror_folder(task, root) if root else None
    has_mirror = folder is not None and all(split_files(folder, split) for split in ("train", *task.eval_splits))
    return ("mirror", "sample") if has_mirror else ("sample",)
