"""One module per command, loaded when the command is used. Each has `run(asked: Invocation)`, which gives the exit code."""
