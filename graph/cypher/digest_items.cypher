// Items of an id range with every fact that hangs on them, as columns.
// parameters: after, upto (after < id <= upto)
// rows: one
// bound: the id range; PostgreSQL's rows give its size
// index: unique Item.id
CYPHER 5
CALL () {
  MATCH (i:Item) WHERE i.id > $after AND i.id <= $upto
  RETURN collect(i) AS items
}
CALL (items) {
  UNWIND items AS i
  MATCH (i)<-[r:PRODUCED]-(a)
  RETURN collect([r.fid, i.id, a.id, r.at, r.q, r.u, r.n]) AS productions
}
CALL (items) {
  UNWIND items AS i
  MATCH (i)-[r:INSTALLED_IN]->(p)
  RETURN collect([r.fid, i.id, p.id, r.since, r.since_q, r.since_u, r.until, r.until_q, r.until_u])
    AS installations
}
CALL (items) {
  UNWIND items AS i
  MATCH (i)-[r:IN]->(p)
  RETURN collect([r.fid, i.id, p.id, r.since, r.since_q, r.since_u, r.until, r.until_q, r.until_u])
    AS stays
}
CALL (items) {
  UNWIND items AS i
  MATCH (i)-[r:HAS_MEMBER]->(m)
  RETURN collect([i.id, m.id, r.fid]) AS memberships
}
CALL (items) {
  UNWIND items AS i
  MATCH (i)-[r:MOVED]->()
  RETURN collect([r.fid, i.id, r.kind, r.at, r.q, r.u, r.sender, r.receiver, r.event]) AS movements
}
RETURN [i IN items | [i.id, i.kind, i.cls, i.key]] AS items,
       productions, installations, stays, memberships, movements
