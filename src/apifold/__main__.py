"""Where the program begins, as `apifold` and as `python -m apifold`."""

import signal


def run() -> None:
    # Whoever has something to finish takes Ctrl-C over; until then it ends the program, without a trace of half an import.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from apifold.cli.main import run as run_command_line  # noqa: PLC0415  it may be interrupted

    run_command_line()


if __name__ == "__main__":
    run()
