"""What customers will do next: purchasing and spend models, a ledger of what was predicted, and grades of whether it
was right."""

from retain.forecast.reading import MartsOfAnotherDay, refuse_another_day
from retain.forecast.render import render
from retain.forecast.run import ForecastResult, run_forecast

__all__ = ["ForecastResult", "MartsOfAnotherDay", "refuse_another_day", "render", "run_forecast"]
