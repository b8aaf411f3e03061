"""What the shop sells, at which price on which day, and what a dram is worth in euro."""

from dataclasses import dataclass

import numpy as np

from retain.demo.clock import ALWAYS, DAY, NEVER, Clock, midnight
from retain.demo.columns import Columns
from retain.demo.dice import Bools, Dice, Floats, Ints

EUR, AMD = 0, 1
CURRENCIES = ("EUR", "AMD")
AMD_PER_EUR = 425  # at which the price list was made; the daily rate wanders around it

ITEMS = {
    "Food": ("Apricot jam", "Walnut preserve", "Dried figs", "Mountain honey", "Saffron", "Olive oil", "Gift hamper"),
    "Sweets": ("Gata", "Sujukh", "Gaz nougat", "Baklava", "Chocolate box", "Halva", "Pistachio brittle"),
    "Wine and spirits": ("Areni red", "Voskehat white", "Pomegranate wine", "Brandy", "Mulberry vodka", "Sparkling", "Cellar case"),
    "Tea and coffee": ("Thyme tea", "Mountain herbs", "Black tea", "Coffee beans", "Jezve", "Samovar", "Tea glasses"),
    "Kitchen": ("Clay pot", "Copper pan", "Chef's knife", "Cutting board", "Serving bowl", "Teapot", "Cookware set"),
    "Home textiles": ("Table runner", "Cushion", "Wool throw", "Bed linen", "Kilim", "Towel set", "Felt slippers"),
    "Carpets": ("Bath mat", "Prayer rug", "Small kilim", "Hall runner", "Gabbeh", "Vishapagorg", "Rug pad"),
    "Clothing": ("Linen shirt", "Wool cardigan", "Scarf", "Jeans", "Rain coat", "Dress", "Knit hat"),
    "Shoes": ("Sandals", "Trainers", "Leather boots", "House shoes", "Loafers", "Insoles", "Hiking boots"),
    "Beauty": ("Rose water", "Apricot oil", "Soap bar", "Hand cream", "Perfume", "Clay mask", "Gift set"),
    "Toys": ("Wooden blocks", "Backgammon", "Puzzle", "Rag doll", "Kite", "Chess set", "Train set"),
    "Jewellery": ("Silver ring", "Obsidian pendant", "Earrings", "Bracelet", "Brooch", "Filigree necklace", "Charm"),
}  # fmt: skip
CATEGORIES = (*ITEMS, "Gift cards")
POPULARITY = [1.6, 1.4, 0.9, 1.1, 0.9, 0.8, 0.4, 1.3, 0.9, 1.1, 0.7, 0.5]
PRODUCTS_A_CATEGORY = 28
CHEAPEST, DEAREST = 1.2, 190.0  # EUR; every category reaches from one to the other
GIFT_CARDS = (25, 50, 100)  # EUR


@dataclass(frozen=True)
class Products(Columns):
    """One product each, by category and price. Amounts are in hundredths; a dram has none, so AMD amounts end in 00.

    `revised_at` is when the price rose by 4 %, NEVER for most.
    """

    product_id: Ints
    category: Ints
    item: Ints
    price_eur: Ints
    cost_share: Floats
    revised_at: Ints
    is_gift_card: Bools


class Catalogue:
    """The products of the shop and the rates of its second currency; the same for every `until`."""

    def __init__(self, dice: Dice, clock: Clock) -> None:
        self._dice, self._clock = dice, clock
        goods = len(ITEMS) * PRODUCTS_A_CATEGORY
        position = np.arange(goods, dtype=np.int64)
        within = position % PRODUCTS_A_CATEGORY
        step = (within + dice.uniform("price", position)) / PRODUCTS_A_CATEGORY
        price = np.round(CHEAPEST * (DEAREST / CHEAPEST) ** step * 10).astype(np.int64) * 10 - 1
        revised_on = clock.first_day + 100 + dice.below("revised on", 1_400, position)
        revised = np.where(dice.happens("revised", 0.35, position), midnight(revised_on) + 6 * 3_600, NEVER)
        cards = len(GIFT_CARDS)
        self.products = Products(
            product_id=np.arange(goods + cards, dtype=np.int64) + 1,
            category=np.append(position // PRODUCTS_A_CATEGORY, np.full(cards, len(ITEMS))),
            item=np.append(dice.below("item", 7, position), np.zeros(cards, dtype=np.int64)),
            price_eur=np.append(price, np.array(GIFT_CARDS, dtype=np.int64) * 100),
            cost_share=np.append(0.42 + 0.3 * dice.uniform("cost", position), np.ones(cards)),
            revised_at=np.append(revised, np.full(cards, NEVER)),
            is_gift_card=np.append(np.zeros(goods, dtype=bool), np.ones(cards, dtype=bool)),
        )
        self._place = np.append(position // PRODUCTS_A_CATEGORY * 10, np.full(cards, 1e9)) + np.log10(
            self.products.price_eur
        )
        self.opened_at = int(midnight(clock.first_day - 30) + 9 * 3_600)

    @property
    def gift_card_rows(self) -> Ints:
        return np.flatnonzero(self.products.is_gift_card)

    def near(self, category: Ints, price: Floats, shift: Ints) -> Ints:
        """The row of the product of `category` whose price (EUR) is nearest, moved by `shift` places within the category."""
        wanted = category * 10 + np.log10(np.maximum(price, CHEAPEST) * 100)
        place = np.clip(np.searchsorted(self._place, wanted), 1, len(self._place) - 1)
        nearer = np.where(wanted - self._place[place - 1] < self._place[place] - wanted, place - 1, place)
        first = category * PRODUCTS_A_CATEGORY
        return np.asarray(np.clip(nearer + shift, first, first + PRODUCTS_A_CATEGORY - 1), dtype=np.int64)

    def prices(self, row: Ints, currency: Ints, at: Ints) -> Ints:
        """The list price, in hundredths of the currency, of product rows at instants."""
        listed = self.products.price_eur[row]
        listed = np.where(at >= self.products.revised_at[row], listed * 104 // 100, listed)
        return np.where(currency == AMD, (listed * AMD_PER_EUR // 100 + 5) // 10 * 1_000, listed)

    def costs(self, row: Ints, currency: Ints, at: Ints) -> Ints:
        """What one piece costs the shop, in hundredths of the currency."""
        cost = self.prices(row, currency, at) * self.products.cost_share[row]
        return np.where(currency == AMD, np.round(cost / 100) * 100, np.round(cost)).astype(np.int64)

    def product_changed_at(self, cut: int) -> Ints:
        """When each product's row was last written."""
        revised = np.where(self.products.revised_at < cut, self.products.revised_at, ALWAYS)
        return np.maximum(revised, self.opened_at)

    def product_names(self) -> list[str]:
        names: list[str] = []
        for category, item, number in zip(
            self.products.category.tolist(), self.products.item.tolist(), self.products.product_id.tolist(), strict=True
        ):
            if category == len(ITEMS):
                names.append(f"Gift card {GIFT_CARDS[number - len(ITEMS) * PRODUCTS_A_CATEGORY - 1]}")
            else:
                names.append(f"{ITEMS[CATEGORIES[category]][item]}, no. {number}")
        return names

    def skus(self) -> list[str]:
        return [
            f"{CATEGORIES[category][:3].upper()}-{number:04d}"
            for category, number in zip(self.products.category.tolist(), self.products.product_id.tolist(), strict=True)
        ]

    def eur_per_amd(self, day: Ints) -> Floats:
        """The rate of a local day, to eight decimals."""
        swing = 17 * np.sin(day / 65.3 + 1) + 8 * np.sin(day / 15.7) + self._dice.uniform("rate of the day", day) - 0.5
        return np.asarray(np.round(1 / (AMD_PER_EUR + swing), 8))

    def rate_days(self) -> Ints:
        """The days on which the bank published a rate: not on weekends, and from two weeks before the shop opened."""
        days = np.arange(self._clock.first_day - 14, self._clock.last_day + 1, dtype=np.int64)
        return days[(days + 3) % 7 < 5]

    def published_rate(self, day: Ints) -> Floats:
        """The latest rate published on or before a day."""
        weekday = (day + 3) % 7
        return self.eur_per_amd(day - np.maximum(weekday - 4, 0))


def rate_published_at(day: Ints) -> Ints:
    """Nine in the morning of the day."""
    return np.asarray(midnight(day) + DAY * 9 // 24, dtype=np.int64)
