"""How to start this program again: not everybody has it where the shell looks."""

import os
import shlex
import sys
from pathlib import Path


def typed(program: str, search_path: str) -> str:
    """What to type for the program at a path, as `sys.argv[0]` has it: its name where that finds it on `search_path`, else the path."""
    path = Path(program)
    if path.name == "__main__.py":
        return "python -m apifold"
    found = next(
        (place for folder in search_path.split(os.pathsep) if (place := Path(folder, path.name)).exists()), None
    )
    if not path.exists() or (found is not None and found.samefile(path)):
        return path.name
    near = os.path.relpath(path)
    return shlex.quote(str(path.absolute()) if near.startswith("..") else near)


def runnable(program: str) -> tuple[str, ...]:
    """The same for another program, which may have another search path and another folder."""
    path = Path(program)
    if path.name == "__main__.py":
        return (sys.executable, "-m", "apifold")
    return (str(path.absolute()) if path.exists() else path.name,)
