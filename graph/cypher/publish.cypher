// Tells readers how far the graph surely is. A reader may see a cursor before the relationships of
// the same commit, so `applied` follows in a transaction of its own.
// parameters: none
// rows: at most one; seq
// bound: one node
// index: unique Cursor.uid
MATCH (c:Cursor {uid: 'genealogy'})
SET c.locked = true
WITH c
SET c.applied = c.seq
RETURN c.seq AS seq
