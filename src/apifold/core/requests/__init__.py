"""A tool and its arguments to the exact HTTP request; the HTTP answer to a tool result."""
