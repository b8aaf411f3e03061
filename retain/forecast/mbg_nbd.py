"""MBG/NBD: the BG/NBD model in which a customer can leave right after the first purchase too, so one-time buyers are
not all alive.

Source: Batislam, Denizel & Filiztekin (2007), Empirical validation and comparison of models for customer base analysis,
International Journal of Research in Marketing 24(3); the same model as the CBG/NBD of Hoppe & Wagner (2007)."""

from typing import ClassVar

from retain.forecast.bg_nbd import BgNbd


class MbgNbd(BgNbd):
    """As `BgNbd`, with one more chance to leave, at the first occasion."""

    name: ClassVar[str] = "mbg_nbd"
    title: ClassVar[str] = "MBG/NBD"
    chances_at_start: ClassVar[int] = 1
