"""Who may see and do what: the matrix, the database's own wall, and what partners are answered."""
