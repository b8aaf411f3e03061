"""Whether this container does its work: `healthy.py api-server`, or a job type of Airflow; exit code 1 and a sentence when not.

Asks the metadata database for the component's own heartbeat, as `airflow jobs check` does, without its seconds of imports.
"""

import json
import os
import socket
import sys
import urllib.request

SECONDS_OF_SILENCE = 60  # Airflow's own limit is 30; a machine that is busy loading may be late once


def main() -> int:
    what = sys.argv[1]
    problem = of_the_page() if what == "api-server" else of_a_job(what)
    if problem:
        print(problem)
    return int(bool(problem))


def of_the_page() -> str:
    with urllib.request.urlopen("http://127.0.0.1:8080/api/v2/monitor/health", timeout=8) as answer:
        health = json.load(answer)
    return "" if health["metadatabase"]["status"] == "healthy" else "the metadata database does not answer"


def of_a_job(kind: str) -> str:
    import psycopg

    address = os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("postgresql+psycopg2://", "postgresql://")
    with psycopg.connect(address, connect_timeout=5) as connection:
        row = connection.execute(
            "select extract(epoch from now() - max(latest_heartbeat)) from job "
            "where job_type = %s and state = 'running' and hostname = any(%s)",
            [kind, [socket.gethostname(), socket.getfqdn()]],
        ).fetchone()
    silence = row[0] if row else None
    if silence is None:
        return f"no {kind} of this container is registered"
    return "" if silence < SECONDS_OF_SILENCE else f"the {kind} has been silent for {silence:.0f} s"


if __name__ == "__main__":
    sys.exit(main())
