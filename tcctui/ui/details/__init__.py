"""The details panel of the selected flow."""
