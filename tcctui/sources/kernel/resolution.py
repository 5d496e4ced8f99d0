"""How finely the kernel tells of each flow: as finely as the reader keeps up with."""

from __future__ import annotations

LONGEST_NS = 1_000_000_000
"""The coarsest interval: one record a second for each flow."""

FIRST_NS = 10_000_000
"""The interval that comes after none."""

_WINDOW_NS = 500_000_000  # over which the reader's share of a core is taken
_PAUSE_NS = 100_000_000  # between two steps: the ring has to drain first
_CALM_NS = 2_000_000_000  # of room on end, before it becomes finer again
_SOON_NS = 10_000_000_000  # what fails within this was too fine from the start
_LONGEST_CALM_NS = 64_000_000_000  # of room on end, before that is tried again
_FULL, _ROOMY = 1 / 2, 1 / 8


class Resolution:
    """The interval in force, in nanoseconds: `base_ns` where there is room.

    It doubles, up to `LONGEST_NS`, when the ring is over half full or the reader takes more than
    `max_cpu` of a core, and halves after two seconds in which twice the work would have had room.
    An interval that soon turns out too fine is tried again after twice the time: by how much the
    work grows is not known, least of all from `FIRST_NS` to none.
    """

    def __init__(self, base_ns: int, max_cpu: float) -> None:
        self._base_ns = base_ns
        self._max_cpu = max_cpu
        self.interval_ns = base_ns
        """The interval in force."""
        self._begun: tuple[int, int] | None = None
        self._share = 0.0
        self._stepped_ns = 0
        self._crowded_ns = 0
        self._finer_ns: int | None = None  # when it last became finer, and that has held so far
        self._too_fine_ns = -1
        self._retry_ns = _CALM_NS

    def adapt(self, now_ns: int, cpu_ns: int, used: float) -> int:
        """Choose the interval anew, and give it.

        `cpu_ns` is what the reading thread has spent so far, `used` the share of the ring in use.
        """
        measured = self._measure(now_ns, cpu_ns)
        if used > _ROOMY or self._share > self._max_cpu * 0.45:
            self._crowded_ns = now_ns
        if used > _FULL or (measured and self._share > self._max_cpu):
            if now_ns - self._stepped_ns >= _PAUSE_NS:
                self._coarser(now_ns)
        elif self.interval_ns > self._base_ns:
            self._finer(now_ns)
        return self.interval_ns

    def _coarser(self, now_ns: int) -> None:
        if self._finer_ns is not None:
            if now_ns - self._finer_ns > _SOON_NS:
                self._too_fine_ns, self._retry_ns = -1, _CALM_NS
            else:
                self._too_fine_ns = self.interval_ns
                self._retry_ns = min(2 * self._retry_ns, _LONGEST_CALM_NS)
            self._finer_ns = None
        coarser = min(max(2 * self.interval_ns, FIRST_NS), LONGEST_NS)
        self._step(now_ns, max(coarser, self._base_ns))

    def _finer(self, now_ns: int) -> None:
        finer = self.interval_ns // 2
        if finer < FIRST_NS or finer < self._base_ns:
            finer = self._base_ns
        calm = self._retry_ns if finer <= self._too_fine_ns else _CALM_NS
        if now_ns - max(self._crowded_ns, self._stepped_ns) >= calm:
            self._finer_ns = now_ns
            self._step(now_ns, finer)

    def _step(self, now_ns: int, interval_ns: int) -> None:
        self.interval_ns = interval_ns
        self._stepped_ns = now_ns
        self._begun = None  # what was measured was the old interval's

    def _measure(self, now_ns: int, cpu_ns: int) -> bool:
        """Take the reader's share of a core, once a window; says whether it was taken just now."""
        if self._begun is None:
            self._begun = now_ns, cpu_ns
            return False
        since, spent = now_ns - self._begun[0], cpu_ns - self._begun[1]
        if since < _WINDOW_NS:
            return False
        self._share = spent / since
        self._begun = now_ns, cpu_ns
        return True
