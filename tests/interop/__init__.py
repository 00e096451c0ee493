"""Suites of others against this service: they need Node or Go, so `make interop` runs them."""
