"""Airflow's pools: `loads` may use every slot, `builds` all but one, so that a long build never keeps a load waiting.

python -m retain.airflow.pools      # after `airflow db migrate`: makes those that are missing
"""

LOADS, BUILDS = "loads", "builds"


def make_pools() -> list[str]:
    """Make the pools that Airflow's database does not have, sized by `core.parallelism`; returns their names.

    One that is there keeps its slots: they may have been changed on the page.
    """
    from airflow.configuration import conf
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    slots = conf.getint("core", "parallelism")
    wanted = {
        LOADS: (slots, "Landing, judging and publishing: every slot that there is."),
        BUILDS: (max(1, slots - 1), "Models, forecasts and housekeeping: one slot is always left for a load."),
    }
    made = []
    with create_session() as session:
        for name, (size, description) in wanted.items():
            if Pool.get_pool(name, session=session) is None:
                Pool.create_or_update_pool(name, size, description, include_deferred=False, session=session)
                made.append(name)
    return made


if __name__ == "__main__":
    print("Pools made:", ", ".join(make_pools()) or "none, all are there")
