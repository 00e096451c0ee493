// Opens the emptied graph to the projector again.
// parameters: token
// rows: one; none when taken over
// bound: one node
// index: unique Cursor.uid
MATCH (c:Cursor {uid: 'genealogy'})
SET c.locked = true
WITH c WHERE c.clearing = $token
SET c.seq = 0, c.applied = 0, c.clearing = null
RETURN c.seq AS seq
