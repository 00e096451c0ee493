"""Signatures under attack, in races and in numbers."""
