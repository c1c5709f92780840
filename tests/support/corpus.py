"""Where the corpus of real documents is, when it is there."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("APIFOLD_CORPUS") or ROOT.parent / "shared" / "corpus")
REQUIRED = os.environ.get("CI") == "true"


def available() -> bool:
    return CORPUS.is_dir()


def needs_corpus() -> pytest.MarkDecorator:
    """Skip where the corpus is not; in CI its absence is a failure, so the test runs and fails there."""
    return pytest.mark.skipif(
        not available() and not REQUIRED, reason=f"the corpus of real documents is not at {CORPUS.name}/"
    )
