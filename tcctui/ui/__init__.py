"""User interface. Textual and plotext live only here."""
