// Remove some of the accounts and values that no ring knows; return how many.
// parameters: rows (integer: at most)
MATCH (n:Account|Value)
WHERE NOT n:Outside AND NOT EXISTS { (n)-[:MEMBER_OF|MARKED_BY]-() }
WITH n LIMIT $rows
DETACH DELETE n
RETURN count(*) AS removed
