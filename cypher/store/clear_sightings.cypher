// Remove some of the sightings of a void graph; return how many.
// parameters: rows (integer: at most)
MATCH ()-[s:SEEN_WITH]->()
WITH s LIMIT $rows
DELETE s
RETURN count(*) AS removed
