// One node per item, activity and party; the id is that of PostgreSQL. Every statement may run
// again: an interrupted migration is repeated whole.
CREATE CONSTRAINT item_id IF NOT EXISTS FOR (i:Item) REQUIRE i.id IS UNIQUE;
CREATE CONSTRAINT item_key IF NOT EXISTS FOR (i:Item) REQUIRE i.key IS UNIQUE;
CREATE CONSTRAINT transformation_id IF NOT EXISTS FOR (a:Transformation) REQUIRE a.id IS UNIQUE;
CREATE CONSTRAINT party_id IF NOT EXISTS FOR (p:Party) REQUIRE p.id IS UNIQUE;
CREATE CONSTRAINT cursor_uid IF NOT EXISTS FOR (c:Cursor) REQUIRE c.uid IS UNIQUE;
MERGE (c:Cursor {uid: 'genealogy'})
ON CREATE SET c.seq = 0, c.applied = 0, c.lineage_ended = 0, c.custody_ended = 0;
