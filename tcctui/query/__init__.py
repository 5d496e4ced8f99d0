"""The query language: one for the search box, filters, waiting, alerts.

`parse` makes a `Query` of text. What a query may say is in `language`.
"""

from tcctui.query.errors import QueryError, render_error
from tcctui.query.language import ALL, FIELD_NAMES, MAX_LENGTH, Query, is_unfinished, parse

__all__ = [
    "ALL",
    "FIELD_NAMES",
    "MAX_LENGTH",
    "Query",
    "QueryError",
    "is_unfinished",
    "parse",
    "render_error",
]
