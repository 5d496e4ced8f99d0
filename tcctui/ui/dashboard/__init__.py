"""The main screen: its parts put together, its keys, help and alerts."""
