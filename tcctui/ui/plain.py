"""Text from elsewhere, made harmless for a terminal."""


def plain(text: str) -> str:
    """Replace what is not printable, each character by one: no text can be taken for an escape."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
