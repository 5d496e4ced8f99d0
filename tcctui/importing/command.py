"""`tcctui import FILE… OUT.arrows`."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from io import BufferedReader
from pathlib import Path
from typing import TextIO

from tcctui.errors import TcctuiError, UsageError
from tcctui.files.new_file import see
from tcctui.importing.content import form_of, opened
from tcctui.importing.imported import DESCRIPTIONS, Form, Imported
from tcctui.memory import READING_MEMORY
from tcctui.printable import plain


def import_files(
    sources: Sequence[str],
    out: str,
    *,
    form: Form | None = None,
    force: bool = False,
    memory: int = READING_MEMORY,
    remarks: TextIO | None = None,
) -> None:
    """Import files of one format into a recording; `-` is standard input, or output.

    The format is recognised by its content without `form`. `memory` is the budget in bytes.
    Counts and what is missing are printed to `remarks`, by default standard error.

    Raises:
        TcctuiError: a file can't be read, is of no known format or another than the rest, or the
            recording can't be written.

    """
    target = None if out == "-" else Path(out)
    if target is not None:
        see(target, force=force)
        _refuse_to_replace(target)
    with ExitStack() as open_files:
        files = []
        forms = set()
        for source in sources:
            name = "Standard input" if source == "-" else source
            file = open_files.enter_context(opened(None if source == "-" else Path(source)))
            try:
                forms.add(form or form_of(name, file))
            except (OSError, EOFError, zlib.error) as error:
                raise _unreadable(name, error) from error
            files.append((name, file))
        if len(forms) > 1:
            raise UsageError(
                f"The files are of several formats: {', '.join(sorted(forms))}.",
                "Import each into a recording of its own.",
            )
        (found,) = forms
        try:
            imported = _read(found, files, memory)
        except (OSError, EOFError, zlib.error) as error:
            raise _unreadable(files[0][0], error) from error
        except MemoryError as error:
            raise TcctuiError(
                "The files take more memory than they may.",
                "Import a part of them, or allow more: --reading-memory 4G",
            ) from error
    from tcctui.importing.writing import write  # noqa: PLC0415 - pyarrow

    host = "import" if sources[0] == "-" else Path(sources[0]).name
    events, samples = write(imported, plain(host), target, force=force)
    for remark in imported.remarks:
        print(plain(remark), file=remarks or sys.stderr)
    counts = [
        f"{count:,} {what}" for count, what in ((events, "events"), (samples, "samples")) if count
    ]
    where = "" if target is None else f"{plain(out)}: "
    print(f"{where}{' and '.join(counts)}, {DESCRIPTIONS[found]}", file=remarks or sys.stderr)


def _refuse_to_replace(target: Path) -> None:
    """Refuse to replace what could be imported itself: OUT was forgotten.

    Raises:
        UsageError: it is such a file.

    """
    form = None
    if target.is_file():
        with suppress(TcctuiError, EOFError, zlib.error, OSError), opened(target) as file:
            form = form_of(str(target), file)
    if form is not None:
        raise UsageError(
            f"{target} would be replaced, and it is a file to import itself ({form.value}).",
            "Name the recording to write last: tcctui import FILE… OUT.arrows",
        )


def _read(form: Form, files: Sequence[tuple[str, BufferedReader]], memory: int) -> Imported:
    # Each format's reader is imported for itself.
    if form is Form.PCAP:
        from tcctui.importing.captures import read_captures  # noqa: PLC0415

        return read_captures(files, memory)
    if form is Form.TCP_INFO:
        from tcctui.importing.tcp_info import read_tcp_info  # noqa: PLC0415

        return read_tcp_info(files, memory)
    from tcctui.importing.qlog import read_qlog  # noqa: PLC0415

    return read_qlog(files, memory)


def _unreadable(name: str, error: Exception) -> TcctuiError:
    reason = (error.strerror if isinstance(error, OSError) else None) or error
    return TcctuiError(f"{name} can't be read: {reason}.", "See whether it is whole.")
