// Attach accounts to values that they cannot have been seen with before: one of both is new.
// parameters: account (list of node numbers), value (list of node numbers), first_ms (list), last_ms (list), count (list), run (integer)
UNWIND range(0, size($account) - 1) AS row
MATCH (a) WHERE id(a) = $account[row]
MATCH (v) WHERE id(v) = $value[row]
CREATE (a)-[:SEEN_WITH {first_ms: $first_ms[row], last_ms: $last_ms[row], count: $count[row],
                        run: $run}]->(v)
