// Deletes some relationships, as long as nobody else took the clearing over.
// parameters: token, rows_max
// rows: one, with the number deleted; none when taken over
// bound: rows_max relationships
// index: unique Cursor.uid
MATCH (c:Cursor {uid: 'genealogy'})
SET c.locked = true
WITH c WHERE c.clearing = $token
CALL () {
  MATCH ()-[r:CONSUMED|PRODUCED|INSTALLED_IN|HAS_MEMBER|IN|MOVED]->()
  WITH r LIMIT $rows_max
  DELETE r
  RETURN count(*) AS deleted
}
RETURN deleted
