// Remove some of the labels and decisions of a void graph; return how many.
// parameters: rows (integer: at most)
MATCH (n:Label|Decision)
WITH n LIMIT $rows
DETACH DELETE n
RETURN count(*) AS removed
