"""Where tests find the public documents and vectors that are kept beside the repository."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "shared" / "data"


def shared_data(*parts: str) -> Path:
    """Return the path of a file or folder under ../shared/data.

    Missing data fail the test: a test that quietly reads nothing proves nothing. Only
    LOTKIN_WITHOUT_SHARED_DATA=1 outside CI turns that into a skip.
    Raises: AssertionError.
    """
    path = ROOT.joinpath(*parts)
    if path.exists():
        return path
    if os.environ.get("LOTKIN_WITHOUT_SHARED_DATA") == "1" and not os.environ.get("CI"):
        pytest.skip(f"{'/'.join(parts)}: LOTKIN_WITHOUT_SHARED_DATA=1 is set")
    raise AssertionError(
        f"test data missing: {path}. Put the data folder beside the checkout, or set "
        "LOTKIN_WITHOUT_SHARED_DATA=1 to skip these tests on your own machine."
    )
