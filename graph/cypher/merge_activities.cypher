// Activities, told once or again.
// parameters: rows [[id, kind]]
// rows: one; done = ids
// bound: one batch of entries
// index: unique Transformation.id
UNWIND $rows AS row
MERGE (a:Transformation {id: row[0]})
SET a.kind = row[1]
RETURN collect(row[0]) AS done
