// New productions: activity into item.
// parameters: rows [[fact, item, activity, at, quality, uncertainty, pieces, seq]]
// rows: one; done = fact ids whose ends were found
// bound: one batch of entries
// index: unique Item.id, Transformation.id
UNWIND $rows AS row
MATCH (i:Item {id: row[1]})
MATCH (a:Transformation {id: row[2]})
CREATE (a)-[:PRODUCED {fid: row[0], at: row[3], q: row[4], u: row[5], n: row[6], seq: row[7]}]->(i)
RETURN collect(row[0]) AS done
