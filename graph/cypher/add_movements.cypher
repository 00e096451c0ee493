// New movements: shipped, received, returned, voided.
// parameters: rows [[fact, item, kind, at, quality, uncertainty, sender, receiver, event, seq]]
// rows: one; done = fact ids whose ends were found
// bound: one batch of entries
// index: unique Item.id, Party.id
UNWIND $rows AS row
MATCH (i:Item {id: row[1]})
MATCH (p:Party {id: row[7]})
CREATE (i)-[:MOVED {fid: row[0], kind: row[2], at: row[3], q: row[4], u: row[5],
  sender: row[6], receiver: row[7], event: row[8], seq: row[9]}]->(p)
RETURN collect(row[0]) AS done
