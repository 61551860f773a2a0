# SPDX-License-Identifier: MIT
"""Thousands of random saves, with a colleague changing records behind the mount's back, end as the model
has it (model.py, which also runs alone and longer)."""
import os

import pytest

from model import Run

# One seed asks before it believes, the other believes for ever what it knows.
STEPS = int(os.environ.get("CONCORDFS_MODEL_STEPS", "1200"))


@pytest.mark.slow_watchdog(60 + STEPS / 10)
@pytest.mark.parametrize("seed", [1, 2])
def test_random_saves_end_with_server_and_model_equal_and_no_text_lost(crm, mounts, seed):
    with Run(crm, mounts, seed) as run:
        done = run.go(STEPS)
    assert all(done[kind] for kind in ("saved", "unchanged", "EINVAL", "EBUSY")), done
