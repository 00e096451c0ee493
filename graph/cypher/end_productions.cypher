// Facts that no longer hold; found from the end that has fewer relationships.
// parameters: rows [full fact row, seq]
// rows: one; done = fact ids found
// bound: one batch of entries
// index: unique Transformation.id
UNWIND $rows AS row
MATCH (:Transformation {id: row[2]})-[r:PRODUCED {fid: row[0]}]->()
DELETE r
RETURN collect(row[0]) AS done
