"""The main marts a second way: from the raw orders, in plain pandas, compared with the warehouse cell by cell."""

from bench.running import Options, show


def run(format: str, options: Options) -> None:
    """`retain bench reference`: CDNOW and the demo shop."""
    from bench.reference.bench import headline, lines, measure

    show(measure, lines, headline, format, options)
