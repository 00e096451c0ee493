// Deletes some nodes, as long as nobody else took the clearing over.
// parameters: token, rows_max
// rows: one, with the number deleted; none when taken over
// bound: rows_max nodes
// index: unique Cursor.uid
MATCH (c:Cursor {uid: 'genealogy'})
SET c.locked = true
WITH c WHERE c.clearing = $token
CALL () {
  MATCH (n:Item|Transformation|Party)
  WITH n LIMIT $rows_max
  DETACH DELETE n
  RETURN count(*) AS deleted
}
RETURN deleted
