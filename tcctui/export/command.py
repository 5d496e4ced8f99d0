"""`tcctui export FILE OUT`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from tcctui.errors import TcctuiError, UsageError
from tcctui.memory import READING_MEMORY

if TYPE_CHECKING:
    from tcctui.export.job import Moment
    from tcctui.query import Query

TABLES = ("events", "samples", "sockets", "algorithms", "flows", "seconds")
TABLE_ENDINGS = (".parquet", ".csv", ".jsonl")
"""Suffixes of tables; `arrow_tables.WRITERS` has the writer of each."""
PICTURE_ENDINGS = (".svg", ".png")
CHART_ENDINGS = (*PICTURE_ENDINGS, ".txt")
XPLOT_ENDING = ".xpl"
RECORDING_ENDING = ".arrows"
ENDINGS = (*TABLE_ENDINGS, *CHART_ENDINGS, XPLOT_ENDING, RECORDING_ENDING)
ALL_ENDINGS = ", ".join(ENDINGS[:-1]) + f" or {ENDINGS[-1]}"


def export(
    source: Path,
    out: Path,
    *,
    table: str = TABLES[0],
    flow: str | None = None,
    compare: Sequence[str] = (),
    xplot: bool = False,
    query: Query | None = None,
    begin: Moment | None = None,
    end: Moment | None = None,
    redact: bool = False,
    force: bool = False,
    progress: bool = True,
    memory: int = READING_MEMORY,
) -> None:
    """Write a recording, or a part of it, as a table, a picture of one flow, or a recording.

    With `xplot`, or where `out` ends in .xpl, it is the time–sequence diagram of one flow.
    `flow` and each of `compare` are as `selection.flow` reads them. With `query`, only events and
    samples taken while their connection matches are written, and flows that matched at some time:
    into a recording, all of these. With `redact`, addresses and names are replaced: see
    `redaction`. `memory` is the budget for reading, in bytes.

    Raises:
        TcctuiError: something is not there, can't be read or can't be written.

    """
    xplot |= out.suffix == XPLOT_ENDING
    if out.suffix not in ENDINGS and not xplot:
        raise UsageError(f"{out.name or out} has no known suffix.", f"Let it end in {ALL_ENDINGS}.")
    if xplot and (flow is None or compare):
        raise UsageError(
            "A time–sequence diagram is of one connection.",
            "Say which: --flow COOKIE or --flow LOCAL-REMOTE.",
        )
    picture = out.suffix in CHART_ENDINGS and not xplot
    if picture and flow is None and not compare:
        raise UsageError(
            f"A chart ({out.suffix}) is of one connection, or of two.",
            "Say which: --flow COOKIE, --flow LOCAL-REMOTE, or --compare COOKIE COOKIE.",
        )
    if compare and (flow is not None or not picture):
        raise UsageError(
            "--compare draws two connections on shared axes.",
            f"Leave --flow out, and let OUT end in {', '.join(CHART_ENDINGS)}.",
        )
    if (picture or xplot) and redact:
        raise UsageError(
            "A chart names the connection by its addresses.",
            f"Write a redacted recording ({RECORDING_ENDING}) first, and the chart of that.",
        )
    # Slow imports, and pyarrow, wait until the usage is checked.
    if out.suffix in PICTURE_ENDINGS:
        from tcctui.export.picture import require_matplotlib  # noqa: PLC0415

        require_matplotlib()
    from tcctui.files.new_file import see  # noqa: PLC0415
    from tcctui.recording.file import Recording  # noqa: PLC0415

    see(out, force=force)
    try:
        with closing(Recording(source, memory)) as recording:
            from tcctui.export.job import Job  # noqa: PLC0415
            from tcctui.query import ALL  # noqa: PLC0415

            told = _tell(recording.remark)
            job = Job(
                recording,
                query or ALL,
                begin=begin,
                end=end,
                flows=compare or ([] if flow is None else [flow]),
                redact=redact,
                progress=progress,
                memory=memory,
            )
            if xplot:
                job.xplot(out, force=force)
            elif picture:
                job.picture(out, force=force)
            elif out.suffix == RECORDING_ENDING:
                job.recording(out, force=force)
            else:
                job.table(table, out, force=force)
            _tell(recording.remark, told)  # reading may have found more damage
    except OSError as error:
        raise TcctuiError(
            f"{source} can't be read: {error.strerror or error}.", "See whether it is still there."
        ) from error
    except MemoryError as error:
        raise TcctuiError(
            f"{source} takes more memory than it may.",
            "Choose less of it (--from, --to, --ip), or allow more: --reading-memory 4G",
        ) from error


def _tell(remark: str, before: str = "") -> str:
    """Print a remark about missing parts, unless it was printed before."""
    if remark and remark != before:
        print(remark, file=sys.stderr)
    return remark
