"""The query language of the search box, filters, conditions and alerts.

`parse` makes a `Query` of text; `language` defines the syntax.
"""

from tcctui.query.errors import QueryError, render_error
from tcctui.query.language import ALL, MAX_LENGTH, Query, is_unfinished, parse

__all__ = [
    "ALL",
    "MAX_LENGTH",
    "Query",
    "QueryError",
    "is_unfinished",
    "parse",
    "render_error",
]
