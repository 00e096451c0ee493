"""Graph engines: Neo4j and the PostgreSQL rows behind one reader protocol; the projection."""
