"""The schema's history: one numbered revision a step, its statements in the .sql beside it."""
