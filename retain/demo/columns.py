"""A table as arrays of one length: the form in which everything in the simulator is held."""

from dataclasses import fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt


class Columns:
    """Base of the dataclasses whose fields are arrays of one length."""

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(next(iter(self._arrays().values())))

    def take(self, rows: npt.NDArray[Any]) -> Self:
        """The rows of a mask, or of positions, in that order."""
        return type(self)(**{name: array[rows] for name, array in self._arrays().items()})

    @classmethod
    def joined(cls, *parts: Self) -> Self:
        """All the rows of `parts`, one after the other."""
        columns = [part._arrays() for part in parts]
        return cls(**{name: np.concatenate([column[name] for column in columns]) for name in columns[0]})


def count_within(groups: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """0, 1, 2, ... within every run of equal values; `groups` must be sorted."""
    n = len(groups)
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    starts = np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]]))
    return np.arange(n, dtype=np.int64) - np.repeat(starts, np.diff(np.append(starts, n)))
