// Where the page of activities after `after` ends.
// parameters: after, nodes_max
// rows: one; upto, null after the last page
// bound: nodes_max nodes
// index: unique Transformation.id
MATCH (n:Transformation) WHERE n.id > $after
WITH n.id AS id ORDER BY id LIMIT $nodes_max
RETURN max(id) AS upto
