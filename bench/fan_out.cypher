// What the bare driver reads for comparison: every serial of one lot, five columns.
// parameters: start (Item.id)
// rows: one
// bound: none; the bench made the graph
// index: unique Item.id
CYPHER 5
MATCH (s:Item {id: $start})-[:CONSUMED|PRODUCED|INSTALLED_IN|HAS_MEMBER*0..]->(x)
WITH DISTINCT x WHERE x:Serial
RETURN collect(x.id) AS id, collect(x.key) AS key, collect(x.kind) AS kind,
       collect(x.cls) AS item_class, collect(labels(x)) AS labels
