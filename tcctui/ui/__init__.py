"""What a person sees. Textual and plotext live only here."""
