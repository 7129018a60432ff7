"""Packed files: one that is compressed (.gz, .bz2, .xz), and archives of several (.zip). Nothing is written to disk."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import PurePosixPath

from ...errors import DataError
from .table import EXPANSION, MAX_FILE_BYTES, counted, listed

COMPRESSED = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
MAX_MEMBERS = 1000
BROKEN = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
)


def unpacked(name: str, data: bytes) -> tuple[str, bytes]:
    """Name and bytes of the file inside a compressed one. Raises `DataError`, also for one that unfolds too far."""
    path = PurePosixPath(name)
    inner = path.name.removesuffix(path.suffix)
    if inner.lower().endswith(".tar"):
        raise DataError(f"{name} is a .tar archive; unpack it and give the folder, or pack it as .zip.")
    try:
        with COMPRESSED[path.suffix.lower()](io.BytesIO(data)) as file:
            content = file.read(EXPANSION * MAX_FILE_BYTES + 1)
    except BROKEN as error:
        raise DataError(f"{name} cannot be unpacked: {error}") from error
    return inner, _checked(name, content)


def _checked(name: str, content: bytes) -> bytes:
    limit = EXPANSION * MAX_FILE_BYTES
    if len(content) > limit:
        raise DataError(f"{name} unfolds to more than {limit / 1e6:,.0f} MB, which is the most that can be read.")
    return content


class Archive:
    """The files in a .zip, by their paths in it. Hidden files and what macOS adds are no files of anybody's."""

    def __init__(self, name: str, data: bytes):
        self.name = name
        try:
            self.file = zipfile.ZipFile(io.BytesIO(data))
        except BROKEN as error:
            raise DataError(f"{name} cannot be unpacked: {error}") from error
        if len(self.file.namelist()) > MAX_MEMBERS:
            raise DataError(f"{name} holds {len(self.file.namelist()):,} files; at most {MAX_MEMBERS:,} can be read.")
        self.sizes = {member.filename: member.file_size for member in self.file.infolist() if not member.is_dir()}
        self.paths = [path for path in self.sizes if not _is_hidden(path)]
        if len(self.paths) != len(set(self.paths)):
            raise DataError(f"{name} holds several files of the same name.")

    def read(self, path: str) -> bytes:
        """The bytes of a file. Only its content is read: its path leads nowhere on this machine."""
        try:
            with self.file.open(path) as member:
                content = member.read(EXPANSION * MAX_FILE_BYTES + 1)
        except BROKEN as error:
            if "password" in str(error):
                raise DataError(f"{self.name} is locked with a password; pack it without one.") from error
            raise DataError(f"{path} in {self.name} cannot be unpacked: {error}") from error
        return _checked(f"{path} in {self.name}", content)

    def require_one(self, paths: list[str]) -> str:
        """The only path. Raises `DataError` if there are none or several."""
        if len(paths) == 1:
            return paths[0]
        found = f"{counted(len(paths), 'table')}: {listed(paths)}" if paths else f"no table, but {listed(self.paths)}"
        raise DataError(
            f"{self.name} holds {found if self.paths else 'nothing'}. Keep one table in it, or name them train, "
            "validation and test."
        )


def _is_hidden(path: str) -> bool:
    return any(
        part.startswith((".", "__MACOSX", "~$")) and part != ".."
        for part in PurePosixPath(path.replace("\\", "/")).parts
    )
