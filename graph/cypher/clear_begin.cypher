// Takes the graph over for emptying: at position -1 no projector can apply anything.
// parameters: token
// rows: one
// bound: one node
// index: unique Cursor.uid
MATCH (c:Cursor {uid: 'genealogy'})
SET c.clearing = $token, c.seq = -1, c.applied = -1, c.lineage_ended = 0, c.custody_ended = 0
RETURN c.seq AS seq
