// Return how many attribute values there are, and the least and the greatest number of their nodes.
// parameters: none
MATCH (n:Value) RETURN count(n) AS rows, min(id(n)) AS least, max(id(n)) AS greatest
