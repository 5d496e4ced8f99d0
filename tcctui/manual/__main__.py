"""`python -m tcctui.manual`: write the manual page to standard output."""

from __future__ import annotations

import sys

from tcctui.manual.page import page

sys.stdout.write(page())
