"""The least that a BPF program on tcp_probe can do: count."""

from __future__ import annotations

import os
from typing import Any

from tcctui.sources.kernel import bcc_package
from tcctui.sources.kernel.build import bpf_directory

_SOURCE = """
BPF_PERCPU_ARRAY(count, u64, 1);

TRACEPOINT_PROBE(tcp, tcp_probe)
{
    int zero = 0;
    u64 *value = count.lookup(&zero);

    if (value)
        (*value)++;
    return 0;
}
"""


def counting_program() -> Any:
    """Load and attach it; gives bcc's object, whose table `count` has a number per processor."""
    bcc = bcc_package.load()
    os.environ["BCC_KERNEL_SOURCE"] = str(bpf_directory())
    return bcc.BPF(text=_SOURCE)
