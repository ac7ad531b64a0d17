// Strip some of the nodes that rings know of what events said; return how many.
// parameters: rows (integer: at most)
MATCH (:Ring)-[:MEMBER_OF|MARKED_BY]-(n)
WHERE NOT n:Outside
WITH DISTINCT n LIMIT $rows
SET n = {id: n.id, full_id: n.full_id}, n:Outside
RETURN count(*) AS removed
