"""Tests on other kernels, booted under qemu."""
