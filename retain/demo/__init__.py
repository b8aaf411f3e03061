"""The demo shop: a documented, seeded simulator of a retailer, its source systems, and the truth behind them.

Aras Market of Yerevan sells in a web shop and its app (a PostgreSQL database), in four stores (a folder of daily CSV files)
and, abroad, at a storefront, to the same people, who also write to its help desk, get its letters and collect its points.
`fill` writes all of it, and continues it on a later day; `serving` answers as those systems that are asked over the web, in the
protocols of `vendors`. Read in this order: `buying` (who buys when, and for how much), `interventions` and `marketing` (what
the shop does to sell more), `orders` (what else happens), `identities` (under which name), `baskets`, then `shop`, `tills`,
`storefront`, `complaints`, `letters` and `points` (what the systems hold of it), `truth` (what none of them knows) and `wrong`
(the rows no gate may let through).
"""
