// Parties that received something; -1 stands for the unknown one.
// parameters: rows [[id]]
// rows: one; done = ids
// bound: one batch of entries
// index: unique Party.id
UNWIND $rows AS row
MERGE (p:Party {id: row[0]})
RETURN collect(row[0]) AS done
