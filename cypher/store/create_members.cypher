// Attach members to their rings.
// parameters: account (list of node numbers), ring (list of node numbers), membership (list), run (string)
UNWIND range(0, size($account) - 1) AS row
MATCH (a) WHERE id(a) = $account[row]
MATCH (r) WHERE id(r) = $ring[row]
CREATE (a)-[:MEMBER_OF {membership: $membership[row], run: $run}]->(r)
