"""Which connections are looked at most closely where nobody says so."""

from __future__ import annotations

import numpy as np

from tcctui.flows.index import Keys
from tcctui.flows.store import Store


def busiest(store: Store) -> Keys:
    """Cookies of the sockets that are not closed, those with the newest event first."""
    flows = store.flows(["last_ns", "closed_ns"])
    living = np.flatnonzero(flows["closed_ns"] == 0)
    return flows["cookie"][living[np.argsort(-flows["last_ns"][living], kind="stable")]]


def unsampled(store: Store) -> Keys:
    """Cookies of the sockets that live, and of which there was no sample yet."""
    flows = store.flows(["sampled_ns", "closed_ns"])
    return flows["cookie"][(flows["closed_ns"] == 0) & (flows["sampled_ns"] == 0)]
