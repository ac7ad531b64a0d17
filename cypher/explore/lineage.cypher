// What became of a ring, run by run, the last first: born, grew, shrank, split, merged, died.
// parameters: ring (string: the ring's id, also of one that is no more), limit (integer = 200: rows)
MATCH (:RingName {id: $ring})<-[:NOW|BEFORE]-(c:Change)
WITH DISTINCT c
MATCH (run:Run)-[:RECORDED]->(c)
OPTIONAL MATCH (c)-[:BEFORE]->(before:RingName)
OPTIONAL MATCH (c)-[:NOW]->(now:RingName)
RETURN run.id AS run, c.change AS change, before.id AS before, now.id AS now, c.shared AS shared_accounts
ORDER BY run DESC, change, before, now
LIMIT $limit
