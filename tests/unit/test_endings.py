"""What a fault of the machine is called on the command line."""

import errno

import pytest

from retain.cli import plain_sentence


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/state/log"), "The disk is full."),
        (PermissionError(errno.EACCES, "Permission denied", "/state/a"), "/state/a cannot be used: Permission denied."),
        (OSError(errno.EROFS, "Read-only file system", "/state/a"), "/state/a cannot be used: Read-only file system."),
    ],
)
def test_a_fault_of_the_machine_is_a_sentence_wherever_it_was_met(error, sentence):
    met = RuntimeError("while something else was done")
    met.__context__ = error
    assert (plain_sentence(met) or "").startswith(sentence)


def test_what_is_no_fault_of_the_machine_is_one_of_retain():
    assert plain_sentence(KeyError("x")) is None
    assert plain_sentence(FileNotFoundError(errno.ENOENT, "No such file", "x")) is None
