// Attach accounts to values, or widen the sighting that is there; counts end with their type.
// parameters: account (list of node numbers), value (list of node numbers), first_ms (list), last_ms (list), count (list), run (integer)
UNWIND range(0, size($account) - 1) AS row
MATCH (a) WHERE id(a) = $account[row]
MATCH (v) WHERE id(v) = $value[row]
MERGE (a)-[s:SEEN_WITH]->(v)
ON CREATE SET s.first_ms = $first_ms[row], s.last_ms = $last_ms[row], s.count = $count[row],
              s.run = $run
ON MATCH SET
    s.first_ms = CASE WHEN s.first_ms < $first_ms[row] THEN s.first_ms ELSE $first_ms[row] END,
    s.last_ms = CASE WHEN s.last_ms > $last_ms[row] THEN s.last_ms ELSE $last_ms[row] END,
    s.count = CASE WHEN s.count > 9223372036854775807 - $count[row]
              THEN 9223372036854775807 ELSE s.count + $count[row] END,
    s.run = $run
