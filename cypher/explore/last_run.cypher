// What the last run changed: rings born, grown, shrunk, split, merged, died.
// parameters: limit (integer = 200: rows)
MATCH (s:Store {name: 'ringfinder'})
MATCH (run:Run {run_id: s.run_id})
MATCH (run)-[:RECORDED]->(c:Change)
OPTIONAL MATCH (c)-[:BEFORE]->(before:RingName)
OPTIONAL MATCH (c)-[:NOW]->(now:RingName)
RETURN c.change AS change, before.id AS before, now.id AS now, c.shared AS shared_accounts
ORDER BY change, shared_accounts DESC, now, before
LIMIT $limit
