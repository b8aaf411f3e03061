"""Whether Superset does its work: its page answers, and so does its own database; exit code 1 and a sentence when not."""

import os
import sys
import urllib.request

import psycopg2


def main() -> int:
    try:
        with urllib.request.urlopen("http://127.0.0.1:8088/health", timeout=8):
            pass  # the page says so whether or not its database is there
        psycopg2.connect(os.environ["RETAIN_BI_METADATA_URL"].replace("+psycopg2", ""), connect_timeout=5).close()
    except (OSError, psycopg2.OperationalError) as error:
        print(f"Superset is not well: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
