// New memberships: a serial of a lot.
// parameters: rows [[fact, lot, serial, seq]]
// rows: one; done = fact ids whose ends were found
// bound: one batch of entries
// index: unique Item.id
UNWIND $rows AS row
MATCH (c:Item {id: row[1]})
MATCH (p:Item {id: row[2]})
CREATE (c)-[:HAS_MEMBER {fid: row[0], seq: row[3]}]->(p)
RETURN collect(row[0]) AS done
