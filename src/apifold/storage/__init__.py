"""Where things are kept: engines, transactions, tables and migrations for SQLite and PostgreSQL."""
