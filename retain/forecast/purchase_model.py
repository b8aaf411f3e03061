"""What every model of purchasing offers, and the order in which they are trusted."""

from collections.abc import Callable, Mapping
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from retain.forecast.bg_nbd import BgNbd
from retain.forecast.maximum_likelihood import Likelihood
from retain.forecast.mbg_nbd import MbgNbd
from retain.forecast.pareto_likelihood import ParetoLikelihood
from retain.forecast.pareto_nbd import ParetoNbd
from retain.forecast.purchase_likelihood import PurchaseLikelihood
from retain.forecast.statistics import States

FloatArray = npt.NDArray[np.float64]


class PurchaseModel(Protocol):
    """A fitted model: arrays of x, t_x, T in, one number a customer out. See `BgNbd` for what each means."""

    name: ClassVar[str]
    title: ClassVar[str]

    @property
    def alpha(self) -> float: ...

    def p_alive(self, x: FloatArray, t_x: FloatArray, t: FloatArray) -> FloatArray: ...

    def occasions_if_alive(self, x: FloatArray, t: FloatArray, weeks: FloatArray | float) -> FloatArray: ...

    def p_order_if_alive(self, x: FloatArray, t: FloatArray, weeks: FloatArray | float) -> FloatArray: ...

    def p_no_order(self, x: FloatArray, t_x: FloatArray, t: FloatArray, weeks: FloatArray | float) -> FloatArray: ...

    def expected_from_start(self, weeks: FloatArray) -> FloatArray: ...

    def p_more_than(self, occasions: FloatArray, x: FloatArray | float, t: FloatArray, weeks: float) -> FloatArray: ...


class PurchaseLikelihoods(Likelihood, Protocol):
    """A likelihood that also tells one state from another."""

    def of_states(self, parameters: FloatArray) -> FloatArray: ...


Kind = type[BgNbd] | type[ParetoNbd]

# The first that is identified speaks, unless a later one says clearly better what the shop's last weeks held.
IN_ORDER: tuple[Kind, ...] = (BgNbd, ParetoNbd, MbgNbd)
BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in IN_ORDER}
LIKELIHOOD: Mapping[str, Callable[[States], PurchaseLikelihoods]] = {
    BgNbd.name: lambda states: PurchaseLikelihood(states, BgNbd.chances_at_start),
    ParetoNbd.name: ParetoLikelihood,
    MbgNbd.name: lambda states: PurchaseLikelihood(states, MbgNbd.chances_at_start),
}
