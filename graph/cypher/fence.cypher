// Moves the cursor from `expected` to `last`, or matches nothing because someone else moved it.
// The first SET takes the node's lock before seq is read: a plain WHERE would be checked without.
// parameters: expected, last, lineage_ended, custody_ended (null: nothing ended)
// rows: one when moved, none when fenced out
// bound: one node
// index: unique Cursor.uid
MATCH (c:Cursor {uid: 'genealogy'})
SET c.locked = true
WITH c WHERE c.seq = $expected
SET c.seq = $last,
    c.lineage_ended = coalesce($lineage_ended, c.lineage_ended),
    c.custody_ended = coalesce($custody_ended, c.custody_ended)
RETURN c.seq AS seq
