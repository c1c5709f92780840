"""Columns, constraints and indexes, one module per feature; no rules. Importing this knows every table."""

from apifold.storage.tables import catalog, delivery, identity, usage, vault
from apifold.storage.types import Row

METADATA = Row.metadata

__all__ = ["METADATA", "catalog", "delivery", "identity", "usage", "vault"]
