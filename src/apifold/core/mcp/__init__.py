"""The Model Context Protocol without I/O: messages, revisions, and what to answer."""
