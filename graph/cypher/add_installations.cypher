// New installations: a part in a device.
// parameters: rows [[fact, child, parent, since, quality, uncertainty,
//     until, quality, uncertainty, seq]]
// rows: one; done = fact ids whose ends were found
// bound: one batch of entries
// index: unique Item.id
UNWIND $rows AS row
MATCH (c:Item {id: row[1]})
MATCH (p:Item {id: row[2]})
CREATE (c)-[:INSTALLED_IN {fid: row[0], since: row[3], since_q: row[4], since_u: row[5],
  until: row[6], until_q: row[7], until_u: row[8], seq: row[9]}]->(p)
RETURN collect(row[0]) AS done
