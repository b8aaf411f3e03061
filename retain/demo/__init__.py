"""The demo shop: a documented, seeded simulator of a retailer, its two source systems, and the truth behind them.

Aras Market of Yerevan sells in a web shop and its app (a PostgreSQL database) and in four stores (a folder of daily CSV
files), to the same people. `fill` writes both, and continues them on a later day. Read in this order: `buying` (who buys
when, and for how much), `interventions` and `marketing` (what the shop does to sell more), `orders` (what else happens), `identities`
(under which name), `baskets`, then `shop` and `tills` (what the two systems hold of it), `truth` (what none of them knows)
and `wrong` (the rows no gate may let through).
"""

from retain.demo.fill import Filled, fill

__all__ = ["Filled", "fill"]
