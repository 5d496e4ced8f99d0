"""Address of an engine, and the secrets for it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tcctui.errors import TcctuiError


class Address(NamedTuple):
    """Engine and user.

    `url` is `http://` or `https://`, host, port and, as its path, the database. Password and token
    are read from files, so that no list of processes shows them. `authorities` is a file of
    certificate authorities in PEM, the system's by default. What is given as text was read before.
    """

    url: str
    user: str = "default"
    password_file: Path | None = None
    token_file: Path | None = None
    authorities: Path | None = None
    password: str = ""
    token: str = ""
    authorities_text: str = ""

    def read(self) -> Address:
        """Read the files: while there are the rights to.

        Raises:
            TcctuiError: a file can't be read.

        """
        return self._replace(
            password=self.password or _read(self.password_file, "password"),
            token=self.token or _read(self.token_file, "token"),
            authorities_text=self.authorities_text or _read(self.authorities, "authorities"),
        )


def _read(path: Path | None, what: str) -> str:
    if path is None:
        return ""
    try:
        return path.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise TcctuiError(f"The {what} in {path} can't be read: {reason}.") from error
