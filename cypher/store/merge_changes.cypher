// Record what became of rings.
// parameters: key (list: hash of the whole change), run (list: runs), run_id (list), change (list), shared (list), now (list: ring names, or null), now_full (list: where the name stands in), before (list: ring names, or null), before_full (list)
UNWIND range(0, size($key) - 1) AS row
MERGE (r:Run {id: $run[row]})
ON CREATE SET r.run_id = $run_id[row]
MERGE (c:Change {key: $key[row]})
SET c.change = $change[row], c.shared = $shared[row], c.run = $run[row]
MERGE (r)-[:RECORDED]->(c)
FOREACH (name IN CASE WHEN $now[row] IS NULL THEN [] ELSE [$now[row]] END |
    MERGE (n:RingName {id: name}) SET n.full_id = $now_full[row] MERGE (c)-[:NOW]->(n))
FOREACH (name IN CASE WHEN $before[row] IS NULL THEN [] ELSE [$before[row]] END |
    MERGE (n:RingName {id: name}) SET n.full_id = $before_full[row] MERGE (c)-[:BEFORE]->(n))
