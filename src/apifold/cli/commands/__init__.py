"""One module per command, loaded when the command is used. Each has `run(options, terminal)`, which gives the exit code."""
