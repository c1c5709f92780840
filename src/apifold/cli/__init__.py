"""The terminal: commands, exit codes, help."""
