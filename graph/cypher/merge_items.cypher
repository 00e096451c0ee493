// Items, told once or again; only the class may become known later.
// parameters: rows [[id, key, kind, class]]
// rows: one; done = ids
// bound: one batch of entries
// index: unique Item.id
UNWIND $rows AS row
MERGE (i:Item {id: row[0]})
ON CREATE SET i.key = row[1], i.kind = row[2]
SET i.cls = row[3]
FOREACH (_ IN CASE row[2] WHEN 0 THEN [0] ELSE [] END | SET i:Lot)
FOREACH (_ IN CASE row[2] WHEN 1 THEN [0] ELSE [] END | SET i:Serial)
FOREACH (_ IN CASE row[2] WHEN 2 THEN [0] ELSE [] END | SET i:Container)
RETURN collect(row[0]) AS done
