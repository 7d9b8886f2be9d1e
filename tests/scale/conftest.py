"""Tests with real clusters and servers, in a network of their own: what they start listens on every interface."""

import os

import pytest

ALONE = "LOOKALIKE_NETWORK_OF_ITS_OWN"


def pytest_collection_modifyitems(items):
    """Skip what could be reached from outside, with the reason."""
    if not os.environ.get(ALONE):
        reason = "needs a network of its own: this machine does not allow unshare -n, or tests/scale/run was not used"
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))
