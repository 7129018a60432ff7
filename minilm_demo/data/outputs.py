"""The places that results are written to. What stands there already is replaced only if the caller says so."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import DataError

NAMED = 4  # at most so many things in the way are named


def require_new_file(output: Path, *, overwrite: bool = False) -> None:
    """Raise `DataError` unless a result may be written to `output`: nothing is there, or it is a file and `overwrite`
    is true."""
    if not os.path.lexists(output):
        return
    if output.is_dir():
        raise DataError(f"{output} cannot be written: it is a folder. Name a file.")
    if not overwrite:
        raise DataError(f"{output} exists already. Name a new file, or replace this one with --overwrite.")


@contextmanager
def new_file(output: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A path beside `output` to write to: the file becomes `output` at the end, and is deleted after an error.

    The path is tried before the caller's work begins. Raises `DataError` as `require_new_file` does, and if the file
    cannot be written."""
    require_new_file(output, overwrite=overwrite)
    partial = output.parent / f".{secrets.token_hex(4)}-{output.name}"  # a name that no file of the user has
    try:
        partial.touch(exist_ok=False)
        yield partial
        require_new_file(output, overwrite=overwrite)  # it may have come meanwhile
        partial.replace(output)
    except OSError as error:
        shell, page = (f"{name} cannot be written: {error.strerror}." for name in (output, output.name))
        raise DataError("", shell=shell, page=page) from error
    finally:
        with suppress(OSError):
            partial.unlink()


def require_free(folder: Path, names: Sequence[str]) -> None:
    """Raise `DataError` if the folder holds one of these, which a job is about to write."""
    taken = [name for name in names if os.path.lexists(folder / name)]
    if taken:
        raise DataError(
            f"{folder} already holds {listed(taken)}. Choose another folder, or replace an earlier run's model there "
            "with overwrite."
        )


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
