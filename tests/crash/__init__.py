"""Crash and race programs: each is one command that ends in a figure."""
