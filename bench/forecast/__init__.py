"""What forecasting costs, beside others on the same data, and how near it comes to a truth that is known."""

from bench.forecast.bench import headline, lines, measure
from bench.running import Options, show

__all__ = ["run"]


def run(format: str, options: Options) -> None:
    """Measure and print. Raises UserError for an option or a value that it does not take."""
    show(measure, lines, headline, format, options)
