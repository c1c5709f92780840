"""The data plane: MCP callers in, upstream calls out. No database, no feature; only ports and core."""
