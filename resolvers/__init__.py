"""Use cases: plain async functions, Context first, no framework."""
