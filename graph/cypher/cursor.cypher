// The projection's position, and the last entries that ended lineage or custody facts.
// parameters: none
// rows: at most one; seq, applied, lineage_ended, custody_ended
// bound: one node
// index: unique Cursor.uid
MATCH (c:Cursor {uid: 'genealogy'})
RETURN c.seq AS seq, c.applied AS applied, c.lineage_ended AS lineage_ended,
       c.custody_ended AS custody_ended
