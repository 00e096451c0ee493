// Makes the lock below one node; runs before the first migration, repeatable.
// parameters: none
// rows: none
// bound: schema only
// index: none
CREATE CONSTRAINT migration_lock_uid IF NOT EXISTS FOR (l:MigrationLock) REQUIRE l.uid IS UNIQUE
