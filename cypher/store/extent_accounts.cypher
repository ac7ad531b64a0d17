// Return how many accounts there are, and the least and the greatest number of their nodes.
// parameters: none
MATCH (n:Account) RETURN count(n) AS rows, min(id(n)) AS least, max(id(n)) AS greatest
