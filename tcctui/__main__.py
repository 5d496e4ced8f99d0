"""`python -m tcctui` is the command `tcctui`."""

import sys

from tcctui.cli import main

sys.exit(main())
