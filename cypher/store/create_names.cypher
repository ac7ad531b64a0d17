// Attach rings to what they are called.
// parameters: ring (list of node numbers), name (list of node numbers), run (string)
UNWIND range(0, size($ring) - 1) AS row
MATCH (r) WHERE id(r) = $ring[row]
MATCH (n) WHERE id(n) = $name[row]
CREATE (r)-[:NAMED {run: $run}]->(n)
