// Attach decisions to accounts, each once.
// parameters: node (list of node numbers), key (list: hash of the whole decision), decision (list), decided_ms (list), score (list), ring_id (list), snapshot_id (list), run (integer)
UNWIND range(0, size($node) - 1) AS row
MATCH (a) WHERE id(a) = $node[row]
MERGE (d:Decision {key: $key[row]})
ON CREATE SET d.decision = $decision[row], d.decided_ms = $decided_ms[row], d.score = $score[row],
              d.ring_id = $ring_id[row], d.snapshot_id = $snapshot_id[row]
MERGE (a)-[h:DECIDED]->(d)
ON CREATE SET h.run = $run
