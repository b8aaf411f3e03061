"""What a build of the marts costs: whole, and a day later, model by model; beside DuckDB on the same orders."""

from bench.running import Options, show


def run(format: str, options: Options) -> None:
    """`retain bench build`: time a full build and one day's increment of a shop as large as wanted."""
    from bench.build.bench import headline, lines, measure

    show(measure, lines, headline, format, options)
