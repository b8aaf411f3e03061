"""Who will not order: a supervised model of silence, trained on windows that have closed, calibrated, and explained."""

from retain.forecast.churn.training import ChurnModel, train

__all__ = ["ChurnModel", "train"]
