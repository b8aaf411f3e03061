"""Damages to a file as a whole: what transfers, exports and editors do to bytes, headers and columns."""

import gzip

from bench.faults.night import Night, fault

ALL = ("exchange_rates", "customers", "products", "orders", "order_items", "returns")
WITH_ACCENTS = ("customers", "products", "orders", "returns")


@fault(*ALL)
def truncated_in_a_line(night: Night) -> None:
    """A transfer broke off: the file ends in the middle of a record."""
    text = night.content
    night.content = text[: text.rfind(b",", 0, len(text) * 2 // 3) + 1]


@fault(*ALL)
def truncated_between_lines(night: Night) -> None:
    """A disk ran full while the till exported: the last third of the records is not there, and no line is broken."""
    lines = night.content.splitlines(keepends=True)
    night.content = b"".join(lines[: len(lines) * 2 // 3])


@fault(*ALL)
def empty_file(night: Night) -> None:
    """The export failed after it had opened its file: 0 bytes."""
    night.contents[night.entity] = b""


@fault(*ALL)
def only_a_header(night: Night) -> None:
    """The export's query found nothing, because its database was being restored."""
    night.content = night.content.splitlines(keepends=True)[0]


@fault(*ALL)
def html_error_page(night: Night) -> None:
    """A download saved the proxy's error page under the file's name."""
    night.content = b"<html><head><title>502 Bad Gateway</title></head>\n<body>\n<h1>Bad Gateway</h1>\n</body></html>\n"


@fault(*ALL)
def json_error_message(night: Night) -> None:
    """An API answered that it was asked too often, and a script saved the answer."""
    night.content = b'{"error": {"code": 429, "message": "rate limit exceeded, try again later"}}\n'


@fault(*ALL)
def compressed(night: Night) -> None:
    """An export was switched to gzip and kept its file's name."""
    night.content = gzip.compress(night.content, mtime=0)


@fault(*ALL)
def zero_bytes(night: Night) -> None:
    """A crash left a block of zeros in the file."""
    text = night.content
    middle = text.index(b"\n", len(text) // 2) + 1
    night.content = text[:middle] + b"\0" * 512 + text[middle:]


@fault(*ALL)
def utf_16(night: Night) -> None:
    """Excel's "Unicode text", and PowerShell's `>`."""
    night.content = night.content.decode().encode("utf-16")


@fault(*ALL)
def byte_order_mark(night: Night) -> None:
    """Windows programs begin a UTF-8 file with a mark, which then hangs on the first column's name."""
    night.content = b"\xef\xbb\xbf" + night.content


@fault(*ALL)
def windows_line_ends(night: Night) -> None:
    """A file that went through Windows ends its lines with two characters."""
    night.content = night.content.replace(b"\n", b"\r\n")


@fault(*WITH_ACCENTS)
def latin_1(night: Night) -> None:
    """An old till writes its own code page."""
    night.content = night.content.decode().encode("cp1252", "replace")


@fault(*WITH_ACCENTS)
def encoded_twice(night: Night) -> None:
    """UTF-8 read as Windows' code page and written as UTF-8 again: é has become Ã©."""
    night.content = night.content.decode().encode().decode("latin-1").encode()


@fault(*WITH_ACCENTS)
def question_marks_for_letters(night: Night) -> None:
    """An export to ASCII: every letter that it does not know is a question mark."""
    night.content = night.content.decode().encode("ascii", "replace")


@fault(*ALL)
def header_repeated_in_the_middle(night: Night) -> None:
    """Two exports were joined with `cat`: the header of the second stands among the records."""
    lines = night.content.splitlines(keepends=True)
    lines.insert(len(lines) // 2, lines[0])
    night.content = b"".join(lines)


@fault(*ALL)
def header_missing(night: Night) -> None:
    """An export was told not to write a header: the first record takes its place."""
    night.content = b"".join(night.content.splitlines(keepends=True)[1:])


@fault(*ALL)
def total_line_at_the_end(night: Night) -> None:
    """A report generator adds a line with the number of records."""
    night.content = night.content + f"({len(night.rows)} rows affected)\n".encode()


@fault(*ALL)
def semicolons(night: Night) -> None:
    """An update changed the locale, and with it what separates the values."""
    night.content = night.content.replace(b",", b";")


@fault("customers", "products", "returns")
def quote_left_open(night: Night) -> None:
    """A text with an inch mark, written by a program that does not know how to quote."""
    lines = night.content.splitlines(keepends=True)
    place = len(lines) // 2
    values = lines[place].split(b",")
    values[-2] = b'"' + values[-2]
    lines[place] = b",".join(values)
    night.content = b"".join(lines)


@fault("customers", "products", "returns")
def line_broken_in_two(night: Night) -> None:
    """Somebody pressed Enter in a text field, and the export does not quote."""
    lines = night.content.splitlines(keepends=True)
    place = len(lines) // 2
    values = lines[place].split(b",")
    lines[place] = b",".join(values[:3]) + b"\n" + b",".join(values[3:])
    night.content = b"".join(lines)


@fault("customers", "products", "orders", "returns")
def unquoted_comma(night: Night) -> None:
    """A name with a comma, unquoted: everything after it stands one column to the right, and one value is left over."""
    lines = night.content.splitlines(keepends=True)
    for place in night.dice.sample(range(1, len(lines)), 3):
        values = lines[place].split(b",")
        values[3:3] = [b"Jr."]
        lines[place] = b",".join(values)
    night.content = b"".join(lines)


@fault(*ALL)
def columns_shifted_by_one(night: Night) -> None:
    """A lost value in the second column: what follows moves up, and the last column is empty."""
    for row in night.some():
        names = list(row)
        values = [row[name] for name in names]
        row.update(zip(names, [values[0], *values[2:], ""], strict=True))


@fault(*ALL)
def a_column_renamed(night: Night) -> None:
    """A new version of the till calls a column by another name."""
    last = list(night.rows[0])[2]
    night.rows = [
        {(f"{name}_new" if name == last else name): value for name, value in row.items()} for row in night.rows
    ]


@fault(*ALL)
def the_key_renamed(night: Night) -> None:
    """A new version of the till calls the key by another name."""
    key = next(iter(night.rows[0]))
    night.rows = [{("id" if name == key else name): value for name, value in row.items()} for row in night.rows]


@fault(*ALL)
def a_column_lost(night: Night) -> None:
    """Somebody tidied the export: a column that a mapping speaks of is gone."""
    last = list(night.rows[0])[-1]
    night.rows = [{name: value for name, value in row.items() if name != last} for row in night.rows]


@fault(*ALL)
def a_column_added(night: Night) -> None:
    """A new version of the till sends one column more: no harm, but somebody should know."""
    night.rows = [{**row, "loyalty_points": "0"} for row in night.rows]


@fault(*ALL)
def a_column_twice(night: Night) -> None:
    """A join in the export's query sends a column twice under the same name."""
    lines = night.content.splitlines()
    night.content = b"\n".join(line + b"," + line.split(b",")[0] for line in lines) + b"\n"


@fault("customers", "products", "orders", "order_items")
def two_headers_swapped(night: Night) -> None:
    """Somebody edited the export's list of columns and not its header: two columns stand under each other's names."""
    pairs = {
        "customers": ("region", "city"),
        "products": ("price", "unit_cost"),
        "orders": ("discount_amount", "tax_amount"),
        "order_items": ("gross_amount", "discount_amount"),
    }
    one, other = pairs[night.entity]
    for row in night.rows:
        row[one], row[other] = row[other], row[one]


@fault(*ALL)
def columns_in_another_order(night: Night) -> None:
    """A new version writes the same columns in another order; the header says so: no harm."""
    night.rows = [dict(reversed(row.items())) for row in night.rows]


@fault(*ALL)
def header_in_capitals(night: Night) -> None:
    """A database that folds names to capitals took over the export."""
    header, rest = night.content.split(b"\n", 1)
    night.content = header.upper() + b"\n" + rest


@fault("customers", "products", "orders", "order_items", "returns")
def one_header_in_capitals(night: Night) -> None:
    """A new version writes Email where email stood: one column, and not a required one."""
    column = {
        "customers": "email",
        "products": "unit_cost",
        "orders": "email",
        "order_items": "cost_amount",
        "returns": "reason",
    }[night.entity]
    night.rows = [
        {(name.upper() if name == column else name): value for name, value in row.items()} for row in night.rows
    ]
