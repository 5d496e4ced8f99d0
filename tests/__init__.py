"""Tests, benches and pictures of tcctui."""
