"""The `identity:` part of retain.yml: which identifiers make one person of several accounts, in which order, and up to where."""

from typing import Literal

from pydantic import Field

from retain.config.document import Document, KeyPath
from retain.config.part import Part
from retain.config.wording import shown

Rule = Literal["loyalty_card", "email", "phone"]
RULES: tuple[Rule, ...] = ("loyalty_card", "email", "phone")


class Limits(Part):
    """Of how many people an identifier may be seen with and still be one person's."""

    loyalty_card: int = Field(default=5, ge=2, description="People behind one loyalty card; more, and it joins nobody.")
    email: int = Field(default=5, ge=2, description="People behind one e-mail address; more, and it joins nobody.")
    phone: int = Field(default=4, ge=2, description="People behind one phone number; more, and it joins nobody.")


class Identity(Part):
    """Who is one person. The order of `rules` is the order of trust: what an earlier rule says, a later one cannot undo."""

    rules: tuple[Rule, ...] = Field(
        default=RULES, min_length=1, description="The identifiers that join, the most trusted first."
    )
    limits: Limits = Field(default=Limits(), description="With more people than this an identifier joins nobody.")
    one_per_person: tuple[Rule, ...] = Field(
        default=("loyalty_card",),
        description="Of these a person has one: a later rule never joins people who have different ones.",
    )
    dotless_domains: tuple[str, ...] = Field(
        default=("gmail.com", "googlemail.com"),
        description="Mail providers to whom a.b+shop@ and ab@ are one mailbox.",
    )


def note_identity_problems(document: Document) -> None:
    """Rules named twice, a rule that one_per_person names and rules does not, and domains that are none."""
    for name in ("rules", "one_per_person", "dotless_domains"):
        path: KeyPath = ("identity", name)
        given = document.at(path)
        for index, value in enumerate(given if isinstance(given, list) else []):
            if isinstance(value, str) and value in given[:index]:
                document.refuse((*path, index), f"found {shown(document, (*path, index))} a second time; keep one")
            elif isinstance(value, str) and name == "dotless_domains" and ("@" in value or "." not in value.strip(".")):
                sentence = f"found {shown(document, (*path, index))}; wanted what follows the @, such as gmail.com"
                document.refuse((*path, index), sentence)
    rules, single = document.at(("identity", "rules")), document.at(("identity", "one_per_person"))
    for index, value in enumerate(single if isinstance(single, list) else []):
        if isinstance(rules, list) and value in RULES and value not in rules:
            sentence = f"{value} is none of `rules`, so nothing is known of it; add it there or remove it here"
            document.refuse(("identity", "one_per_person", index), sentence)
