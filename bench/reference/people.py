"""Who is one person, a second way: the identifiers of every account and guest, joined rule by rule, one name at a time."""

import hashlib
import re
import unicodedata
import uuid
from collections import defaultdict
from typing import Any

import pandas as pd
import psycopg

from bench.reference.tables import local_days, read
from retain.config import Settings
from retain.config.identity import Identity

Connection = psycopg.Connection[Any]
UNSEEN = {"\u00a0", "\ufeff"}  # beside the marks of direction and the joiners, which have a category of their own
Given = dict[str, str | None]  # loyalty_card, email, phone to what was given, as it is compared


def given(row: Any, rules: Identity) -> Given:
    """What a record of a customer or an order tells of its person: `email`, `e164` and `loyalty_card` of the row."""
    return {
        "loyalty_card": _card(row.loyalty_card),
        "email": address(row.email, rules.dotless_domains),
        "phone": row.e164,
    }


def _plain(text: str) -> str:
    visible = (one for one in text if one not in UNSEEN and unicodedata.category(one) != "Cf")
    return "".join(str(unicodedata.digit(one)) if unicodedata.category(one) == "Nd" else one for one in visible)


def _card(text: str | None) -> str | None:
    return "".join(one for one in _plain(text or "") if one.isalnum()).upper() or None


def address(text: str | None, dotless_domains: tuple[str, ...]) -> str | None:
    """An address as it is compared; None when it is none."""
    plain = _plain(text or "").strip(" ").lower()
    if not re.search(r".@.", plain, re.DOTALL):
        return None
    name, domain = plain.split("@", 1)
    if domain in dotless_domains:
        name = name.split("+")[0].replace(".", "")
    return f"{name}@{domain}" if name else None


def customers(
    connection: Connection, orders: pd.DataFrame, everything: pd.DataFrame, settings: Settings, last: int
) -> list[uuid.UUID | None]:
    """The person behind each of `orders` (until the day `last`, of `everything`); None for nobody that can be told."""
    accounts = read(
        connection,
        "select source, customer_id, email, loyalty_card, phones.e164, registered_at from raw.customers "
        "left join raw.phone_numbers as phones using (phone) where not is_deleted",
    )
    rules = settings.identity
    known: dict[str, dict[str, set[str]]] = {}
    since: dict[str, int | None] = {}
    first_days = everything.dropna(subset="customer_id").groupby(["source", "customer_id"])["day"].min().to_dict()
    registered = pd.to_datetime(accounts["registered_at"], utc=True)
    days = local_days(registered.fillna(pd.Timestamp(0, tz="UTC")), settings.business.timezone)
    for account, has_day, day in zip(accounts.itertuples(), registered.notna(), days, strict=True):
        began = [first_days.pop((account.source, account.customer_id), None), int(day) if has_day else None]
        first = min((one for one in began if one is not None), default=None)
        if first is None or first <= last:
            account_name = f"{account.source}:{account.customer_id}"
            known[account_name] = {rule: {value} for rule, value in given(account, rules).items() if value}
            since[account_name] = first
    for (source, account_id), day in first_days.items():
        if day <= last:
            known[f"{source}:{account_id}"], since[f"{source}:{account_id}"] = {}, day
    own = {name: set(said) for name, said in known.items()}
    cards: dict[str, set[str]] = defaultdict(set)
    guests: dict[tuple[str, ...], str] = {}
    references = []
    for row in orders.sort_values(["ordered_at", "order_id"]).itertuples():
        said = given(row, rules)
        name: str | None = None
        if row.customer_id is not None:
            name = f"{row.source}:{row.customer_id}"
            for rule in ("email", "phone"):
                if (value := said[rule]) and not {"email", "phone"} & own[name]:
                    known[name].setdefault(rule, set()).add(value)
            if said["loyalty_card"] and "loyalty_card" not in own[name]:
                cards[name].add(said["loyalty_card"])
        elif any(said.values()):
            key = (row.source, *(said[rule] or "" for rule in ("email", "phone", "loyalty_card")))
            name = guests.setdefault(key, f"{row.source}:order:{row.order_id}")
            known.setdefault(name, {rule: {value} for rule, value in said.items() if value})
            since.setdefault(name, row.day)
        references.append((row.Index, name))
    for name, shown in cards.items():
        if len(shown) == 1:
            known[name]["loyalty_card"] = shown
    known = {name: {rule: said[rule] for rule in rules.rules if rule in said} for name, said in known.items()}
    person = people(known, since, set(guests.values()), rules)
    return [person.get(name) for name in pd.Series(dict(references)).reindex(orders.index)]


def people(
    known: dict[str, dict[str, set[str]]], since: dict[str, int | None], guests: set[str], rules: Identity
) -> dict[str | None, uuid.UUID]:
    """Identity to customer_key, by the rules in their order; without the guests whose every identifier is blocked."""
    holders: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, said in known.items():
        for rule, values in said.items():
            for value in values:
                holders[rule, value].append(name)
    limits = rules.limits.model_dump()
    active = {
        key: names for key, names in holders.items() if _people_behind(key, names, known, guests) <= limits[key[0]]
    }
    group = {name: {name} for name in known}
    for number, rule in enumerate(rules.rules):
        owned = [earlier for earlier in rules.rules[:number] if earlier in rules.one_per_person]
        owners = {name for (of, _), names in active.items() if of in owned for name in names}
        shared = [names for (of, _), names in active.items() if of == rule]
        joined = _joined(group, shared)
        disputed = {
            id(members)
            for members in joined.values()
            if len({id(group[name]) for name in members if name in owners}) > 1
        }
        free = [
            [name for name in names if id(joined[name]) in disputed and not group[name] & owners] for names in shared
        ]
        again = _joined(group, free)
        group = {name: again[name] if id(joined[name]) in disputed else joined[name] for name in known}
    told = {name for names in active.values() for name in names}
    silent = {name for name, said in known.items() if not said}
    keys: dict[str | None, uuid.UUID] = {}
    for name in known:
        if name not in guests or name in told or name in silent:
            root = min(group[name], key=lambda one: (since[one] is None, since[one] or 0, one))
            keys[name] = uuid.UUID(hashlib.md5(root.encode()).hexdigest())
    return keys


def _joined(group: dict[str, set[str]], shared: list[list[str]]) -> dict[str, set[str]]:
    """The groups, as they are after everybody in each list of `shared` has become one."""
    joined = dict(group)
    for names in shared:
        parts = {id(joined[name]): joined[name] for name in names}
        if len(parts) > 1:
            whole = set().union(*parts.values())
            joined.update(dict.fromkeys(whole, whole))
    return joined


def _people_behind(
    key: tuple[str, str], names: list[str], known: dict[str, dict[str, set[str]]], guests: set[str]
) -> int:
    faces = set()
    for name in names:
        others = [(rule, min(values)) for rule, values in known[name].items() if rule != key[0]]  # most trusted first
        faces.add(others[0] if others else ("", "") if name in guests else ("itself", name))
    return len(faces)
