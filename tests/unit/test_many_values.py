"""Many fields of samples at once are what each is by itself."""

from __future__ import annotations

import numpy as np
import pytest

from tcctui.flows.columns import SAMPLED
from tcctui.flows.intake.latest import sampled
from tcctui.wire.many_values import values
from tcctui.wire.samples import SAMPLE, TCP_INFO_BYTES


@pytest.mark.parametrize("count", [0, 1, 400])
@pytest.mark.parametrize("seed", range(3))
def test_as_each_by_itself(seed: int, count: int) -> None:
    """With any bytes, and with those that stand for nothing, all fields have their own values."""
    random = np.random.default_rng(seed)
    shape = (count, SAMPLE.itemsize)
    filled = random.choice(np.array([0, 0xFF], "u1"), (count, 1)) * np.ones(shape, "u1")
    raw = np.where(random.random(shape) < 0.5, random.integers(0, 256, shape, "u1"), filled)
    samples = np.ascontiguousarray(raw, "u1").view(SAMPLE).ravel()
    samples["info_len"] = random.integers(0, TCP_INFO_BYTES + 9, count)
    for name, most in (("cc_info", 3), ("has_skmem", 2), ("sock_cookie", 4), ("data_segs_in", 2)):
        samples[name] = random.integers(0, most, count)
    found = values(samples, SAMPLED)
    assert found.keys() == SAMPLED
    for name in SAMPLED:
        np.testing.assert_array_equal(found[name], sampled(samples, name), err_msg=name)
        alone = values(samples, frozenset({name}))
        np.testing.assert_array_equal(alone[name], found[name], err_msg=name)
