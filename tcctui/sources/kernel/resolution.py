"""Resolution of the kernel's records of each flow: as fine as the reader keeps up with."""

from __future__ import annotations

LONGEST_NS = 1_000_000_000
"""The coarsest interval: one record a second for each flow."""

FIRST_NS = 10_000_000
"""The interval that comes after none."""

_WINDOW_NS = 500_000_000  # window for the reader's share of a core
_PAUSE_NS = 100_000_000  # between two steps: the ring has to drain first
_CALM_NS = 2_000_000_000  # of continuous room before it becomes finer again
_SOON_NS = 10_000_000_000  # a failure within this was too fine from the start
_LONGEST_CALM_NS = 64_000_000_000  # of continuous room before the failed step is retried
_FULL, _ROOMY = 1 / 2, 1 / 8


class Resolution:
    """Interval in force, in nanoseconds: `base_ns` while the reader keeps up.

    It doubles, up to `LONGEST_NS`, when the ring is over half full or the reader takes more than
    `max_cpu` of a core, and halves after two seconds with room for twice the work. An interval that
    soon turns out too fine is retried after twice the time: the growth of the work can't be
    predicted, least of all from `FIRST_NS` to none.
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
        self._finer_ns: int | None = None  # when it last became finer without a failure since
        self._too_fine_ns = -1
        self._retry_ns = _CALM_NS

    def adapt(self, now_ns: int, cpu_ns: int, used: float) -> int:
        """Adapt the interval, and return it.

        `cpu_ns` is the reading thread's CPU time so far, `used` the share of the ring in use.
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
        self._begun = None  # the measurement belongs to the old interval

    def _measure(self, now_ns: int, cpu_ns: int) -> bool:
        """Measure the reader's share of a core, once a window; True if measured just now."""
        if self._begun is None:
            self._begun = now_ns, cpu_ns
            return False
        since, spent = now_ns - self._begun[0], cpu_ns - self._begun[1]
        if since < _WINDOW_NS:
            return False
        self._share = spent / since
        self._begun = now_ns, cpu_ns
        return True
