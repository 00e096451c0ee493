// Records a migration as applied.
// parameters: version, name, checksum
// rows: none
// bound: one node
// index: none, a handful of nodes
MERGE (m:Migration {version: $version})
SET m.name = $name, m.checksum = $checksum, m.at = datetime()
