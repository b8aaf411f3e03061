"""A catalogue of the damages that real systems do to a delivery, and what the gate makes of each."""

from bench.running import Options, show


def run(format: str, options: Options) -> None:
    """`retain bench faults`: every fault on every entity it fits."""
    from bench.faults.bench import headline, lines, measure

    show(measure, lines, headline, format, options)
