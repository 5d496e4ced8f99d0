"""Stylesheet that parses each style sheet once for a theme."""

from __future__ import annotations

from textual.css.stylesheet import Stylesheet


class KeptStylesheet(Stylesheet):
    """Parses nothing again that is as before, with the variables as before.

    Textual applies its theme behind the first widgets: it drops all that was parsed, parses it with
    the same variables in another stylesheet, and then once more in this one, for the next widgets.
    """

    def set_variables(self, variables: dict[str, str]) -> None:
        """Take over other variables, with which all is to be parsed anew."""
        if variables != self._variables:
            super().set_variables(variables)

    def reparse(self) -> None:
        """Parse what was not, with the present variables.

        Raises:
            StylesheetParseError: it is invalid; the rules stay as they were.

        """
        self.parse()
