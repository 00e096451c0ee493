// Packing stays of items and of their containers, transitively upward, and their movements.
// parameters: starts [Item.id], position, nodes_max, visited_max
// rows: one; too many visited: the count, and empty columns
// bound: LIMIT nodes_max stops the search; the transaction has a timeout
// index: unique Item.id
CYPHER 5
UNWIND $starts AS start  // not IN: its plan keeps what several starts share twice
MATCH (s:Item {id: start})
MATCH (s)-[:IN*0..]->(x)
WITH DISTINCT x LIMIT $nodes_max
WITH collect(x) AS items
WITH items, size(items) AS item_count
WITH item_count, CASE WHEN item_count <= $visited_max THEN items ELSE [] END AS items
CALL (items) {
  UNWIND items AS i
  MATCH (i)-[r:IN]->(c) WHERE r.seq <= $position
  RETURN collect(r.fid) AS stay_id, collect(i.id) AS stay_child, collect(c.id) AS stay_parent,
         collect(r.since) AS stay_since, collect(r.since_q) AS stay_since_quality,
         collect(r.since_u) AS stay_since_uncertainty, collect(r.until) AS stay_until,
         collect(r.until_q) AS stay_until_quality, collect(r.until_u) AS stay_until_uncertainty
}
CALL (items) {
  UNWIND items AS i
  MATCH (i)-[r:MOVED]->() WHERE r.seq <= $position
  RETURN collect(r.fid) AS movement_id, collect(i.id) AS movement_item,
         collect(r.kind) AS movement_kind, collect(r.at) AS movement_at,
         collect(r.q) AS movement_quality, collect(r.u) AS movement_uncertainty,
         collect(r.sender) AS movement_sender, collect(r.receiver) AS movement_receiver,
         collect(r.event) AS movement_event
}
RETURN item_count, 0 AS activity_count,
       stay_id, stay_child, stay_parent, stay_since, stay_since_quality, stay_since_uncertainty,
       stay_until, stay_until_quality, stay_until_uncertainty,
       movement_id, movement_item, movement_kind, movement_at, movement_quality,
       movement_uncertainty, movement_sender, movement_receiver, movement_event
