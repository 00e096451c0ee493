// Migrations already applied.
// parameters: none
// rows: one a migration; version, checksum
// bound: as many as migration files
// index: none, a handful of nodes
MATCH (m:Migration)
RETURN m.version AS version, m.checksum AS checksum ORDER BY version
