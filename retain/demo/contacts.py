"""How a person of the simulator is reached, and how differently the same address and number get written down."""

from dataclasses import dataclass

import numpy as np

from retain.demo import names
from retain.demo.columns import Columns
from retain.demo.dice import Bits, Bools, Dice, Ints

# A person's number is 4 x a running number + one of these, so that the kinds never share a name, phone or address.
BUYER, BROWSER, FRAUDSTER = 0, 1, 2

PLACEHOLDER = "no-email", "aras.example"  # what a cashier types when a customer gives none: it is nobody's address
PLACEHOLDER_EMAIL = "@".join(PLACEHOLDER)
HOUSEHOLD = 6  # of so many people in a row some share one phone, in few of the rows
DOMAINS = ("mail.example", "post.example", "inbox.example")
DOTLESS_DOMAIN = "inbox.example"  # whoever writes to a.b+shop@ or to ab@ reaches the same mailbox
COUNTRIES = ("AM", "IR", "FR", "DE", "GE")
# Share of each country by origin of the name (see names.ORIGINS).
COUNTRY_WEIGHTS = (
    [0.93, 0, 0.05, 0.02, 0],
    [0.85, 0, 0.08, 0.05, 0.02],
    [0.6, 0.4, 0, 0, 0],
    [0.4, 0, 0.25, 0.2, 0.15],
)
CITIES = {
    "AM": (
        ("Yerevan", "Yerevan"),
        ("Gyumri", "Shirak"),
        ("Vanadzor", "Lori"),
        ("Kapan", "Syunik"),
        ("Ijevan", "Tavush"),
    ),
    "IR": (("Tehran", "Tehran"), ("Tabriz", "East Azerbaijan"), ("Isfahan", "Isfahan")),
    "FR": (("Paris", "Île-de-France"), ("Lyon", "Auvergne-Rhône-Alpes"), ("Marseille", "Provence")),
    "DE": (("Berlin", "Berlin"), ("Köln", "Nordrhein-Westfalen"), ("München", "Bayern")),
    "GE": (("Tbilisi", "Tbilisi"), ("Batumi", "Adjara")),
}
ARMENIAN_MOBILE = (33, 41, 43, 44, 49, 55, 77, 91, 93, 94, 95, 96, 97, 98, 99)
# International prefix, the operator's digits, how many digits follow.
MOBILE = {"IR": ("98", "912", 7), "FR": ("33", "61", 7), "DE": ("49", "151", 8), "GE": ("995", "555", 6)}

PERSIAN_DIGITS = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
ARABIC_DIGITS = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
INTERNATIONAL, DOUBLE_ZERO, NATIONAL, SEPARATED, OTHER_DIGITS = range(5)


@dataclass(frozen=True)
class People(Columns):
    """Who someone is: `origin` and `country` are positions in names.ORIGINS and COUNTRIES."""

    number: Ints
    origin: Ints
    country: Ints
    city: Ints


def people(dice: Dice, number: Ints) -> People:
    """The people of these numbers."""
    origin = dice.pick("origin", [0.42, 0.14, 0.20, 0.24], number)
    country = np.zeros(len(number), dtype=np.int64)
    for which, weights in enumerate(COUNTRY_WEIGHTS):
        country = np.where(origin == which, dice.pick("country", list(weights), number), country)
    city = dice.pick("city", [0.6, 0.16, 0.12, 0.06, 0.06], number)
    sizes = np.array([len(CITIES[code]) for code in COUNTRIES])
    return People(number, origin, country, city % sizes[country])


def household_head(dice: Dice, number: Ints) -> Ints:
    """Whose phone these people give: their own, but in one of two hundred rows of six, two to six share the first one's."""
    place, row = number // 4 % HOUSEHOLD, number // 4 // HOUSEHOLD
    size = 2 + dice.below("household size", HOUSEHOLD - 1, row)
    shares = (number % 4 == BUYER) & (place < size) & dice.happens("household", 0.005, row)
    return np.where(shares, row * HOUSEHOLD * 4 + BUYER, number)


class Contacts:
    """Names, e-mail addresses and phone numbers as texts, made only for the rows that are written."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice

    def names(self, number: Ints) -> tuple[list[str], list[str]]:
        """First and last names, each in the person's own script."""
        first, last = self._name_pairs(number)
        return [own for own, _ in first], [own for own, _ in last]

    def _name_pairs(self, number: Ints) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        origin = people(self._dice, number).origin.tolist()
        u, v = self._dice.uniform("first name", number).tolist(), self._dice.uniform("last name", number).tolist()
        first = [names.FIRST[o][int(x * len(names.FIRST[o]))] for o, x in zip(origin, u, strict=True)]
        last = [names.LAST[o][int(x * len(names.LAST[o]))] for o, x in zip(origin, v, strict=True)]
        return first, last

    def places(self, number: Ints) -> tuple[list[str], list[str], list[str]]:
        """Country, region and city."""
        who = people(self._dice, number)
        found = [
            (COUNTRIES[country], *CITIES[COUNTRIES[country]][city])
            for country, city in zip(who.country.tolist(), who.city.tolist(), strict=True)
        ]
        return [code for code, _, _ in found], [region for _, _, region in found], [city for _, city, _ in found]

    def _mailboxes(self, number: Ints, slot: Ints) -> list[tuple[str, str] | None]:
        """What stands before and behind the @ of the addresses of `emails`."""
        first, last = self._name_pairs(number)
        tokens = ((number * 611_953 + 99) % 1_000_003).tolist()  # a bijection below a prime: no two people share one
        domains = self._dice.below("domain", len(DOMAINS), number).tolist()
        boxes: list[tuple[str, str] | None] = []
        for (_, name), (_, family), token, domain, which in zip(
            first, last, tokens, domains, slot.tolist(), strict=True
        ):
            if which == 0:
                boxes.append(None)
            elif which == 3:
                boxes.append(PLACEHOLDER)
            else:
                box = f"{name}.{family}{token}" if which == 1 else f"{name[0]}{family}.{token}"
                boxes.append((box, DOMAINS[(domain + which - 1) % len(DOMAINS)]))
        return boxes

    def addresses(self, number: Ints, slot: Ints) -> list[str | None]:
        """The addresses of `emails`, as a system writes them that has sent a letter there."""
        return [_address(box) for box in self._mailboxes(number, slot)]

    def numbers(self, number: Ints, stated: Bools) -> list[str | None]:
        """The numbers of `phones`, all in international form."""
        head = household_head(self._dice, number)
        country = people(self._dice, head).country.tolist()
        return [
            written(*mobile(COUNTRIES[where], who), style=INTERNATIONAL, variant=0) if is_stated else None
            for where, who, is_stated in zip(country, head.tolist(), stated.tolist(), strict=True)
        ]

    def emails(self, number: Ints, slot: Ints, ref: Bits) -> list[str | None]:
        """The address in `slot` (0 none, 1 first, 2 second, 3 the cashiers' placeholder) as it was typed for `ref`."""
        styles = self._dice.pick("email style", [0.86, 0.07, 0.04, 0.03], ref).tolist()
        dots = self._dice.pick("email dots", [0.7, 0.12, 0.1, 0.08], ref).tolist()
        other_digits = self._dice.happens("email digits", 0.01, ref).tolist()
        texts: list[str | None] = []
        boxes = self._mailboxes(number, slot)
        for box, which, style, dotted, in_persian in zip(boxes, slot.tolist(), styles, dots, other_digits, strict=True):
            if box is None or which == 3:  # nobody types the placeholder in another way
                texts.append(_address(box))
                continue
            address, provider = box
            if provider == DOTLESS_DOMAIN:
                address = (address, address.replace(".", ""), f"{address}+aras", f"{address[0]}.{address[1:]}")[dotted]
            if in_persian:
                address = address.translate(PERSIAN_DIGITS)
            address = f"{address}@{provider}"
            texts.append((address, address.title(), address.upper(), f" {address} ")[style])
        return texts

    def phones(self, number: Ints, stated: Bools, ref: Bits) -> list[str | None]:
        """The number, as it was written down for `ref` in one of five ways; None where it was not `stated`."""
        head = household_head(self._dice, number)
        country = people(self._dice, head).country.tolist()
        styles = self._dice.pick("phone style", [0.3, 0.14, 0.28, 0.16, 0.12], ref).tolist()
        variants = self._dice.below("phone variant", 4, ref).tolist()
        return [
            written(*mobile(COUNTRIES[where], who), style=style, variant=variant) if is_stated else None
            for where, who, is_stated, style, variant in zip(
                country, head.tolist(), stated.tolist(), styles, variants, strict=True
            )
        ]


def _address(box: tuple[str, str] | None) -> str | None:
    return None if box is None else "@".join(box)


def card_as_typed(number: str, style: int) -> str:
    """A loyalty card's number as its holder types it: as printed, in small letters with a blank, or in Persian digits."""
    return (number, f"{number[:2].lower()} {number[2:5]}-{number[5:]}", number.translate(PERSIAN_DIGITS))[style]


def mobile(country: str, number: int) -> tuple[str, str]:
    """International prefix and national number of a person: no two people share them."""
    if country == "AM":
        prefix, rest = divmod(number * 7_919 % (len(ARMENIAN_MOBILE) * 800_000), 800_000)
        return "374", f"{ARMENIAN_MOBILE[prefix]}{200_000 + rest}"
    prefix_digits, operator, digits = MOBILE[country]
    return prefix_digits, f"{operator}{number * 7_919 % 10**digits:0{digits}d}"


def written(prefix: str, national: str, *, style: int, variant: int) -> str:
    """One of the five ways. Outside Armenia nobody writes the national form: without the country it says nothing."""
    if style == NATIONAL:
        return f"0{national}" if prefix == "374" else f"+{prefix} {national}"
    if style == DOUBLE_ZERO:
        return f"00{prefix}{national}" if variant % 2 else f"00 {prefix} {national}"
    if style == SEPARATED:
        head, middle, tail = national[:2], national[2:5], national[5:]
        if variant == 0 and prefix == "374":
            return f"(0{head}) {middle}-{tail}"
        return f"+{prefix} {head} {middle} {tail}" if variant % 2 else f"+{prefix}-{head}-{middle}-{tail}"
    if style == OTHER_DIGITS:
        text = f"0{national}" if prefix == "374" and variant < 2 else f"+{prefix}{national}"
        return text.translate(PERSIAN_DIGITS if variant % 2 else ARABIC_DIGITS)
    return f"+{prefix}{national}"
