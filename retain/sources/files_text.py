"""Text files as they come: opened in their encoding, and when a byte does not fit it, told which byte of which line."""

import codecs
from pathlib import Path
from typing import TextIO

BLOCK_BYTES = 1 << 20
NO_TEXT = {
    b"PK\x03\x04": "is an Excel workbook, or an archive, by its first bytes: save each sheet as CSV UTF-8",
    b"\xd0\xcf\x11\xe0": "is an Excel workbook by its first bytes: save each sheet as CSV UTF-8",
    b"\x1f\x8b": "is packed by gzip, by its first bytes: unpack it",
}
BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class FileRefused(Exception):
    """A file that cannot be read; its sentence goes on after the file's name: `tills/a.csv is empty`."""


def open_text(path: Path, encoding: str) -> TextIO:
    """The file as text, line ends untouched.

    Raises FileRefused when it may not be read, or its first bytes are of no text, or contradict `encoding`.
    """
    name = codecs.lookup(encoding).name
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise FileRefused(f"cannot be read: {error.strerror}") from None
    for mark, sentence in NO_TEXT.items():
        if start.startswith(mark):
            raise FileRefused(sentence)
    for mark, marked in BYTE_ORDER_MARKS:
        family = name.removesuffix("-le").removesuffix("-be").removesuffix("-sig")
        if start.startswith(mark) and family not in (marked, "utf-32"):
            raise FileRefused(
                f"begins with the mark of {marked}, and retain.yml says {encoding}: set `encoding: {marked}`"
            )
    return path.open(encoding="utf-8-sig" if name == "utf-8" else encoding, newline="")


def ends_with_newline(path: Path) -> bool:
    """Whether the last record was written to its end."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2))
        return bool({b"\n", b"\r"} & {bytes([byte]) for byte in file.read()})


def undecodable(path: Path, encoding: str) -> FileRefused:
    """Where a file stops being text of its encoding: byte and line, both from 1."""
    decoder = codecs.getincrementaldecoder(encoding)()
    before = lines = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            waiting = len(decoder.getstate()[0])
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                offset = before - waiting + error.start
                line = lines + block.count(b"\n", 0, max(0, error.start - waiting)) + 1
                return FileRefused(
                    f"is not {encoding}: byte {offset + 1}, in line {line}, is 0x{error.object[error.start]:02X}. "
                    "Set `encoding`: files of Windows programs are often cp1252 (Western), cp1251 (Cyrillic), "
                    "cp1256 (Persian, Arabic) or utf-16"
                )
            before += len(block)
            lines += block.count(b"\n")
    return FileRefused(f"is not {encoding}: its last character is cut off; is it still being copied?")
