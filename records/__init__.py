"""The record in PostgreSQL: one file an aggregate with its statements; the only commit."""
