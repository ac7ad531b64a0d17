// Return what became of rings, over all runs.
// parameters: none
MATCH (r:Run)-[:RECORDED]->(c:Change)
OPTIONAL MATCH (c)-[:NOW]->(n:RingName)
OPTIONAL MATCH (c)-[:BEFORE]->(b:RingName)
RETURN r.run_id AS run_id, c.change AS change, coalesce(n.full_id, n.id) AS ring_id,
       coalesce(b.full_id, b.id) AS earlier_ring_id, c.shared AS shared
