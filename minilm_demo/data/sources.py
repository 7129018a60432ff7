"""Rows of a task from a file, a mirror, the Hub or the bundled sample, with the same columns, label ids and splits.

    source = open_source(task, data)         data: "auto" | "hub" | "sample" | a folder | a file
    rows = source.read("train+train_more")   checked rows: the task's text fields as text, the label as the task's id

A row is a dict with the task's columns. Labels are mapped by *name* if the source has label names. A span row has
`answers = {"text": [...], "answer_start": [...]}`, empty lists for "no answer". Rows that cannot be used are left out
and counted: `Source.facts`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..errors import DataError
from ..models import hub
from ..results import DataSource, RowFacts, joined_facts
from ..shipped import shipped
from ..tasks import Task
from .columns import rows_of_table
from .files import FILE_KINDS, check_kind, read_rows
from .folders import WHOLE, Part, find_parts, nothing_found
from .labels import LabelMeaning
from .own import with_own_columns
from .rows import AS_SAID, CheckedRows, check_rows, joined_rows, label_names_of
from .splits import set_apart

SAMPLE_ROOT = shipped("examples/datasets")
NOTHING_KNOWN = RowFacts()
SPLIT_FILE = re.compile(r"([\w.]+)-\d+-of-\d+\.parquet")
FILE_SPLITS = ("all", "validation", "train")
FILE_VALIDATION_SHARE = 0.2  # of the rows of a user's own file, which has no validation split; at most 1,000 rows


@dataclass(frozen=True)
class Source:
    """A source of rows. `read(split)` gives checked rows, also of `splits+joined+like+this`."""

    task: Task
    kind: str  # "file" | "folder" | "mirror" | "hub" | "sample"
    title: str
    read_split: Callable[[str], CheckedRows]
    eval_splits: tuple[str, ...]  # scored at the end of a fine-tune
    local_rows: Callable[[str], int] | None = None  # rows of a split on this machine, if they may be fewer
    find_split: Callable[[str], object] | None = None  # raises `DataError` for a missing split; None for the Hub
    all_splits: tuple[str, ...] = ()  # scored if no training was before: all labelled rows; (): `eval_splits`

    def read(self, splits: str) -> list[dict]:
        """The checked rows. All readers share them, so they must not be changed."""
        return [row for split in splits.split("+") for row in self.read_split(split).rows]

    @property
    def scored_splits(self) -> tuple[str, ...]:
        """The splits that an evaluation scores: of a file with no other split, all rows."""
        return self.all_splits or self.eval_splits

    def require_splits(self, *splits: str) -> None:
        """Raise `DataError` for a missing split, before any row is read."""
        for split in splits if self.find_split else ():
            for name in split.split("+"):
                self.find_split(name)

    def describe(self, used: Mapping[str, int], facts: RowFacts = NOTHING_KNOWN) -> DataSource:
        """The source of a result in words: its title, and how many of the official rows were used. `used`: split ->
        rows; `facts`: what is known of them."""
        parts = [self._count(split, rows) for split, rows in used.items()]
        return DataSource(self.kind, f"{self.title}: {', '.join(parts)}", dict(used), facts)

    def facts(self, splits: Iterable[str]) -> RowFacts:
        """How the rows of these splits were read. Extra sets among them are not this source's own."""
        names = dict.fromkeys(name for split in splits for name in split.split("+"))
        parts = [self.read_split(name).facts for name in names if self._has(name)]
        return joined_facts(list({id(part): part for part in parts}.values()))  # the splits of a file share theirs

    def _has(self, split: str) -> bool:
        if self.find_split is None:
            return bool(re.fullmatch(r"\w+", split)) and split in self.task.official_rows
        try:
            self.find_split(split)
        except DataError:
            return False
        return True

    def _count(self, split: str, rows: int) -> str:
        names = split.split("+")
        official = sum(self.task.official_rows.get(name, 0) for name in names)
        if self.kind not in ("mirror", "hub") or not official:
            return f"{rows:,} rows of {split}"
        local = sum(map(self.local_rows, names)) if self.local_rows else official
        if local != official:
            return f"{rows:,} of {local:,} local rows of {split} (official: {official:,})"
        return f"{rows:,} of {official:,} rows of {split}"


def open_source(task: Task, data: str = "auto", splits: Sequence[str] = (), meaning: LabelMeaning = AS_SAID) -> Source:
    """The source of the rows of `task`. `auto` takes the first that has all `splits`: the mirror at `MINILM_DATA`, the
    Hub, the bundled sample. `meaning` is what was said of the label column of a folder or file.

    Raises `DataError` or `Unavailable` if a source that was named is missing."""
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
        if path.is_dir() and mirror_folder(task, path):
            return mirror_source(task, path, meaning)
        return file_source(task, path, meaning)
    raise DataError(
        f"No data at '{_shortened(data)}'. Give auto, mirror, hub, sample, a folder (glue/<task>/<split>-*.parquet, or "
        f"your own with files named train, validation and test) or a file ({', '.join(FILE_KINDS)})."
    )


def find_place(name: str | Path) -> Path | None:
    """The folder or file of this name; None if there is none, or no file can have the name (too long, ~nobody, "")."""
    if not str(name):
        return None
    with suppress(OSError, RuntimeError, ValueError):
        path = Path(name).expanduser()
        if path.is_dir() or path.is_file():
            return path
    return None


def _shortened(text: str, most: int = 100) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def mirror_root() -> Path | None:
    """The local mirror at `MINILM_DATA`; None if there is none."""
    root = os.environ.get("MINILM_DATA")
    return Path(root) if root and Path(root).is_dir() else None


def _named_mirror(task: Task) -> Source:
    root = mirror_root()
    if root is None:
        raise DataError("There is no local mirror: set MINILM_DATA to a folder with glue/<task>/<split>-*.parquet.")
    return mirror_source(task, root)


def _first_available(task: Task, splits: Sequence[str]) -> Source:
    names = [name for split in splits for name in split.split("+")]
    if root := mirror_root():
        folder = mirror_folder(task, root)
        if folder and all(split_files(folder, name) for name in names):
            return mirror_source(task, root)
    if hub.has_dataset(*task.dataset):
        return hub_source(task)
    return sample_source(task)


def sample_source(task: Task) -> Source:
    """The bundled sentences, written for this demo. A task without unanswerable questions uses the answerable rows."""
    folder = SAMPLE_ROOT / task.sample_folder

    @cache
    def read_split(split: str) -> CheckedRows:
        checked = _read_folder(task, folder, split, asks=False)
        return CheckedRows(checked.rows)  # how they were read needs no word: the rows are this program's own

    def find_split(split: str) -> list[Path]:
        return _require_split(task, folder, split)

    title = f"bundled sample, written for this demo, not {task.benchmark}"
    return Source(task, "sample", title, read_split, task.eval_splits, find_split=find_split)


def mirror_folder(task: Task, root: Path) -> Path | None:
    """The folder with the task's official rows: below a mirror's root (`glue/sst2`, `squad_v2`), or `root` itself if
    it is such a folder. A folder of one's own is none, whatever it is called."""
    parts = _dataset_path(task).split("/")
    candidates = [root.joinpath(*parts)]
    if list(root.resolve().parts[-len(parts) :]) == parts:
        candidates.append(root)
    return next((folder for folder in candidates if _has_official_rows(task, folder)), None)


def _dataset_path(task: Task) -> str:
    """Where the layout of a mirror has the task: "glue/sst2", "squad_v2"."""
    name, configuration = task.dataset
    return "/".join(filter(None, (name.split("/")[-1], configuration)))


def _has_official_rows(task: Task, folder: Path) -> bool:
    """Whether all .parquet files of the folder have exactly the official columns as `datasets` writes them, and not
    more rows than the official splits."""
    import pyarrow
    import pyarrow.parquet

    files, rows = sorted(folder.glob("*.parquet")), {}
    try:
        for file in files:
            metadata = pyarrow.parquet.read_metadata(file)
            match = SPLIT_FILE.fullmatch(file.name)
            if not match or b"huggingface" not in (metadata.metadata or {}):
                return False
            if set(metadata.schema.to_arrow_schema().names) != task.official_columns:
                return False
            rows[match[1]] = rows.get(match[1], 0) + metadata.num_rows
    except (pyarrow.ArrowException, OSError):
        return False
    return bool(files) and all(number <= task.official_rows.get(split, number) for split, number in rows.items())


def mirror_source(task: Task, root: Path, meaning: LabelMeaning = AS_SAID) -> Source:
    folder = mirror_folder(task, root)
    if folder is None:
        raise nothing_found(root, task.name, _dataset_path(task))

    @cache  # a run reads its validation rows twice: to count them, and at the end to score them
    def read_split(split: str) -> CheckedRows:
        return _read_folder(task, folder, split, meaning)

    def find_split(split: str) -> list[Path]:
        return _require_split(task, folder, split)

    def local_rows(split: str) -> int:
        return sum(map(_count_rows, split_files(folder, split)))

    title = f"{task.name} from a local mirror"
    return Source(task, "mirror", title, read_split, task.eval_splits, local_rows=local_rows, find_split=find_split)


def hub_source(task: Task) -> Source:
    """The official rows through `datasets`, which caches them: a second run needs no network."""
    name, configuration = task.dataset

    @cache
    def read_split(split: str) -> CheckedRows:
        dataset = hub.load_dataset(name, configuration, split)
        return check_rows(
            task, dataset.to_list(), label_names_of(dataset.features, task), f"{name} {split}", asks=False
        )

    return Source(task, "hub", f"{task.name} from {name} on the Hub", read_split, task.eval_splits)


def file_source(task: Task, path: Path, meaning: LabelMeaning = AS_SAID) -> Source:
    """A user's own file, or a folder or .zip of files named after splits. What has no validation split of its own has
    the splits `all`, and `train` and `validation`, made from its rows by `set_apart`.

    As with the other sources, the files are read with the first rows, and errors inside them are raised then."""
    if path.is_file():
        check_kind(path)
    tables = find_parts(path)
    if not tables:
        raise nothing_found(path, task.name, _dataset_path(task))
    own_validation = tuple(split for split in tables if split.startswith("validation"))
    divided_split = "train" if "train" in tables else next(iter(tables))  # what is divided, without a validation split

    @cache
    def read_table_of(split: str) -> CheckedRows:
        return joined_rows([_rows_of_part(task, part, meaning) for part in tables[split]])

    @cache
    def parts() -> dict[str, CheckedRows]:
        checked = read_table_of(divided_split)
        size = min(1000, max(1, round(len(checked.rows) * FILE_VALIDATION_SHARE)))
        train, validation = set_apart(task, checked.rows, size, seed=0)
        splits = {"all": checked.rows, "validation": validation, "train": train}
        return {split: CheckedRows(rows, checked.facts) for split, rows in splits.items()}

    def find_split(split: str) -> None:
        made = (WHOLE,) if own_validation else FILE_SPLITS
        names = tuple(dict.fromkeys((*made, *tables)))
        if split not in names:
            kind = "folder" if path.is_dir() else "file"
            raise DataError(
                f"No split '{split}': this {kind} has the splits {', '.join(names)}; '{split}' was asked for."
            )

    def read_split(split: str) -> CheckedRows:
        find_split(split)
        if own_validation and split == WHOLE:
            return joined_rows([read_table_of(name) for name in tables if not name.startswith("test")])
        return parts()[split] if not own_validation and split in FILE_SPLITS else read_table_of(split)

    kind = "folder" if path.is_dir() else "file"
    return Source(
        task,
        kind,
        f"own {kind} {path.name or path.resolve().name}",
        read_split,
        own_validation or ("validation",),
        all_splits=() if own_validation else ("all",),
        find_split=find_split,
    )


def _rows_of_part(task: Task, part: Part, meaning: LabelMeaning) -> CheckedRows:
    table = part.read()
    return rows_of_table(task, table, part.name, with_own_columns(task, table, part.name, meaning))


def read_extra(task: Task, path: str, meaning: LabelMeaning = AS_SAID) -> CheckedRows:
    """All rows of an additional folder (its `train` split) or file. Labels are mapped by name, or by `meaning`."""
    place = find_extra(task, path)
    return joined_rows([rows_of_table(task, part.read(), part.name, meaning) for part in _extra_parts(task, place)])


def _extra_parts(task: Task, place: Path) -> Sequence[Part]:
    tables = find_parts(place)
    for split in ("train", WHOLE):
        if split in tables:
            return tables[split]
    raise DataError(
        f"No split 'train' for {task.name} in {place}: expected train-*.parquet, or another file named train. "
        f"There is: {', '.join(tables) or 'nothing'}."
    )


def find_extra(task: Task, path: str) -> Path:
    """The folder or file of `read_extra`. Raises `DataError` if it is missing or unsuitable; reads no row."""
    place = find_place(path)
    if place is None:
        raise DataError(
            f"No extra training data at '{_shortened(path)}': give a folder with train-*.parquet or a file."
        )
    if place.is_dir():
        _extra_parts(task, place)
    else:
        check_kind(place)
    return place


def short_name(path: Path) -> str:
    """The name of a folder or file of rows in words: its last part, or for a file of a split
    (`xnli_en/test-00000-of-00001.parquet`) the folder and the split."""
    split = SPLIT_FILE.fullmatch(path.name)
    return f"{path.parent.name}/{split[1]}".lstrip("/") if split else path.name


def split_files(folder: Path, split: str) -> list[Path]:
    """The files of exactly this split: `<split>-*.parquet` or `<split>.jsonl`. `train` does not match `train_extra`."""
    if not re.fullmatch(r"[\w.-]+", split):  # "*" is no split
        return []
    return sorted(folder.glob(f"{split}-*.parquet")) or sorted(folder.glob(f"{split}.jsonl"))


def _require_split(task: Task, folder: Path, split: str) -> list[Path]:
    """The files of a split. Raises `DataError`, which lists the splits that exist."""
    files = split_files(folder, split)
    if not files:
        splits = sorted({file.name.split("-")[0].removesuffix(".jsonl") for file in _data_files(folder)})
        raise DataError(
            f"No split '{split}' for {task.name} in {folder}: expected {split}-*.parquet or {split}.jsonl. "
            f"There is: {', '.join(splits) or 'nothing'}."
        )
    return files


def _read_folder(
    task: Task, folder: Path, split: str, meaning: LabelMeaning = AS_SAID, *, asks: bool = True
) -> CheckedRows:
    parts = []
    for file in _require_split(task, folder, split):
        table = read_rows(file)
        names = table.label_names.get(task.label_field)
        parts.append(check_rows(task, table.rows, names, file.name, meaning, asks=asks, notes=table.notes))
    return joined_rows(parts)


def _data_files(folder: Path) -> list[Path]:
    return [*folder.glob("*.parquet"), *folder.glob("*.jsonl")]


def _count_rows(file: Path) -> int:
    import pyarrow.parquet

    if file.suffix == ".parquet":
        return pyarrow.parquet.read_metadata(file).num_rows
    return len(read_rows(file).rows)


def local_sources(task: Task) -> tuple[str, ...]:
    """The `data` arguments that work without the network, the best first; none for a task of a person's own table."""
    if task.own:
        return ()
    root = mirror_root()
    folder = mirror_folder(task, root) if root else None
    has_mirror = folder is not None and all(split_files(folder, split) for split in ("train", *task.eval_splits))
    return ("mirror", "sample") if has_mirror else ("sample",)
