// Where the page of items after `after` ends.
// parameters: after, nodes_max
// rows: one; upto, null after the last page
// bound: nodes_max nodes
// index: unique Item.id
MATCH (n:Item) WHERE n.id > $after
WITH n.id AS id ORDER BY id LIMIT $nodes_max
RETURN max(id) AS upto
