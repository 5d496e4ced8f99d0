"""Keyframes: the state of all flows at a moment, as bytes."""
