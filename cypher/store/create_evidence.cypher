// Attach rings to the values that mark them.
// parameters: ring (list of node numbers), value (list of node numbers), inside (list), total (list), nats (list), run (string)
UNWIND range(0, size($ring) - 1) AS row
MATCH (r) WHERE id(r) = $ring[row]
MATCH (v) WHERE id(v) = $value[row]
CREATE (r)-[:MARKED_BY {inside: $inside[row], total: $total[row], nats: $nats[row], run: $run}]->(v)
