// Everything that `starts` came from, as columns; the walk is a pruning breadth-first search
// (`*0..` with DISTINCT and no path variable), so cycles end and diamonds are linear.
// parameters: starts [Item.id], position, nodes_max, visited_max
// rows: one; too many visited: counts, and empty columns
// bound: LIMIT nodes_max stops the search; the transaction has a timeout
// index: unique Item.id
CYPHER 5
UNWIND $starts AS start  // not IN: its plan keeps what several starts share twice
MATCH (s:Item {id: start})
MATCH (s)<-[:CONSUMED|PRODUCED|INSTALLED_IN|HAS_MEMBER*0..]-(x)
WITH DISTINCT x LIMIT $nodes_max
WITH collect(x) AS nodes
WITH [x IN nodes WHERE x:Item] AS items, [x IN nodes WHERE x:Transformation] AS activities
WITH items, activities, size(items) AS item_count, size(activities) AS activity_count
WITH item_count, activity_count, items, activities,
     item_count <= $visited_max AND activity_count <= $visited_max AS fits
WITH item_count, activity_count, CASE WHEN fits THEN items ELSE [] END AS items,
     CASE WHEN fits THEN activities ELSE [] END AS activities
CALL (activities) {
  UNWIND activities AS a
  MATCH (a)<-[r:CONSUMED]-(i) WHERE r.seq <= $position
  RETURN collect(r.fid) AS draw_id, collect(i.id) AS draw_item, collect(a.id) AS draw_activity,
         collect(r.at) AS draw_at, collect(r.q) AS draw_quality, collect(r.u) AS draw_uncertainty,
         collect(r.n) AS draw_pieces, collect(DISTINCT i) AS drawn
}
CALL (items) {
  UNWIND items AS i
  MATCH (i)<-[r:PRODUCED]-(a) WHERE r.seq <= $position
  RETURN collect(r.fid) AS production_id, collect(i.id) AS production_item,
         collect(a.id) AS production_activity, collect(r.at) AS production_at,
         collect(r.q) AS production_quality, collect(r.u) AS production_uncertainty,
         collect(r.n) AS production_pieces, collect(DISTINCT a) AS producers
}
CALL (items) {
  UNWIND items AS i
  MATCH (i)<-[r:INSTALLED_IN]-(p) WHERE r.seq <= $position
  RETURN collect(r.fid) AS installation_id, collect(p.id) AS installation_child,
         collect(i.id) AS installation_parent, collect(r.since) AS installation_since,
         collect(r.since_q) AS installation_since_quality,
         collect(r.since_u) AS installation_since_uncertainty,
         collect(r.until) AS installation_until, collect(r.until_q) AS installation_until_quality,
         collect(r.until_u) AS installation_until_uncertainty
}
CALL (items) {
  UNWIND items AS i
  MATCH (i)<-[r:HAS_MEMBER]-(l) WHERE r.seq <= $position
  RETURN collect(l.id) AS membership_lot, collect(i.id) AS membership_serial
}
RETURN item_count, activity_count,
       [x IN items | x.id] + [x IN drawn | x.id] AS item_id,
       [x IN items | x.kind] + [x IN drawn | x.kind] AS item_kind,
       [x IN items | x.cls] + [x IN drawn | x.cls] AS item_item_class,
       [x IN activities | x.id] + [x IN producers | x.id] AS activity_id,
       [x IN activities | x.kind] + [x IN producers | x.kind] AS activity_kind,
       draw_id, draw_item, draw_activity, draw_at, draw_quality, draw_uncertainty, draw_pieces,
       production_id, production_item, production_activity, production_at, production_quality,
       production_uncertainty, production_pieces,
       installation_id, installation_child, installation_parent, installation_since,
       installation_since_quality, installation_since_uncertainty, installation_until,
       installation_until_quality, installation_until_uncertainty,
       membership_lot, membership_serial
