"""Who is to be one customer, written shortly."""


def groups(*names: str) -> set[frozenset[str]]:
    """`groups("shop:1 till:2", "shop:3")`: the first two are one customer, the third is one."""
    return {frozenset(one.split()) for one in names}
