// Waits for and holds the migration lock until the transaction ends.
// parameters: none
// rows: none
// bound: one node
// index: unique MigrationLock.uid
MERGE (l:MigrationLock {uid: 'lotkin'})
SET l.locked = true
