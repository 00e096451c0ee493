// Activities of an id range with their draws, as columns.
// parameters: after, upto (after < id <= upto)
// rows: one
// bound: the id range; PostgreSQL's rows give its size
// index: unique Transformation.id
CYPHER 5
CALL () {
  MATCH (a:Transformation) WHERE a.id > $after AND a.id <= $upto
  RETURN collect(a) AS activities
}
CALL (activities) {
  UNWIND activities AS a
  MATCH (a)<-[r:CONSUMED]-(i)
  RETURN collect([r.fid, i.id, a.id, r.at, r.q, r.u, r.n]) AS draws
}
RETURN [a IN activities | [a.id, a.kind]] AS activities, draws
