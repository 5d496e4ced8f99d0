"""Users of the collector: a file of names, roles and hashes of passwords.

A user is a table of TOML:

    [agents]
    role = "agent"
    password = "scrypt:…"

The role `agent` inserts rows, `reader` reads, `admin` creates tables as well. The hash is what
`tcctui collector --hash` prints of a password. In place of it there may be a `token`, long and
random, for `Authorization: Bearer`: `sha256:` and its hash in hexadecimal, as `--token` makes one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from tcctui.errors import TcctuiError

_PASSWORD, _TOKEN = "scrypt:", "sha256:"
_COST, _BLOCK, _PARALLEL = 1 << 14, 8, 1  # 16 MiB and some 50 ms: OWASP's choice for scrypt
_SALT, _LENGTH = 16, 32
_HASH = re.compile(r"scrypt:[A-Za-z0-9+/]{22}==:[A-Za-z0-9+/]{43}=|sha256:[0-9a-f]{64}")
_LARGEST = 1 << 20
_LONGEST = 1 << 10
"""Most bytes of a password."""


class Role(Enum):
    """Rights of a user."""

    AGENT = "agent"
    READER = "reader"
    ADMIN = "admin"


class User(NamedTuple):
    """A user and its rights."""

    name: str
    role: Role


ANYONE = User("default", Role.ADMIN)
"""The user where there is no file of users: whoever can reach this machine's own address."""


class Users:
    """Users by name, with hashes of their passwords."""

    def __init__(self, users: Mapping[str, tuple[User, str]]) -> None:
        self._users = {name: of for name, of in users.items() if of[1].startswith(_PASSWORD)}
        self._tokens = {hashed: user for user, hashed in users.values()}
        self._unknown = password_hash("")
        self._key = os.urandom(32)
        self._known: dict[bytes, User] = {}

    @classmethod
    def read(cls, path: Path) -> Users:
        """Read a file of users.

        Raises:
            TcctuiError: it can't be read, or is none.

        """
        try:
            text = path.read_text()[:_LARGEST]
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise TcctuiError(f"The users in {path} can't be read: {reason}.") from error
        from tomlkit import parse  # noqa: PLC0415 - slow
        from tomlkit.exceptions import TOMLKitError  # noqa: PLC0415

        try:
            tables = parse(text).unwrap()
        except TOMLKitError as error:
            raise TcctuiError(f"{path} is no TOML: {error}.") from error
        users = {name: _user(path, name, table) for name, table in tables.items()}
        if not users:
            raise TcctuiError(f"{path} has no users.", "See: tcctui help fleet")
        return cls(users)

    def known(self, name: str, password: str) -> User | None:
        """User by its password, if it was right before: this takes no time."""
        return self._known.get(self._mark(name, password))

    def authenticate(self, name: str, password: str) -> User | None:
        """User by its password, None if it is wrong: some 50 ms.

        An unknown name takes as long as a wrong password.
        """
        user, hashed = self._users.get(name, (None, self._unknown))
        right = len(password.encode()) <= _LONGEST and _matches(password, hashed)
        if user is None or not right:
            return None
        self._known[self._mark(name, password)] = user
        return user

    def bearer(self, token: str) -> User | None:
        """User by its token."""
        return self._tokens.get(token_hash(token))

    def _mark(self, name: str, password: str) -> bytes:
        return hmac.digest(self._key, f"{name}\0{password}".encode(), "sha256")


def password_hash(password: str) -> str:
    """Hash of a password for the file."""
    salt = os.urandom(_SALT)
    parts = (base64.b64encode(part).decode() for part in (salt, _scrypt(password, salt)))
    return _PASSWORD + ":".join(parts)


def token_hash(token: str) -> str:
    """Hash of a token for the file; what is long and random needs no slow one."""
    return _TOKEN + hashlib.sha256(token.encode()).hexdigest()


def _matches(password: str, hashed: str) -> bool:
    _, salt, expected = hashed.split(":")
    found = _scrypt(password, base64.b64decode(salt))
    return hmac.compare_digest(found, base64.b64decode(expected))


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        password.encode(), salt=salt, n=_COST, r=_BLOCK, p=_PARALLEL, dklen=_LENGTH
    )


def _user(path: Path, name: str, table: object) -> tuple[User, str]:
    if not isinstance(table, dict):
        raise TcctuiError(f"{path} has {name} outside of a user's table.", "See: tcctui help fleet")
    roles = {role.value: role for role in Role}
    role = table.get("role")
    if role not in roles:
        raise TcctuiError(f"{path}: {name} has no role.", f"One of: {', '.join(roles)}")
    hashed = table.get("password", table.get("token"))
    if not isinstance(hashed, str) or not _HASH.fullmatch(hashed):
        raise TcctuiError(
            f"{path}: {name} has no hash of a password or token.",
            "Make one: tcctui collector --hash, or --token",
        )
    return User(name, roles[role]), hashed
