"""`python -m apifold` runs the command line; nothing else."""

from apifold.cli.main import run

if __name__ == "__main__":
    run()
