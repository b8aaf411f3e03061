"""Retain: a customer-retention data warehouse that a retailer runs itself."""

__version__ = "0.1.0"
