// Return how many sightings there are, and the least and the greatest of their numbers.
// parameters: none
MATCH ()-[s:SEEN_WITH]->() RETURN count(s) AS rows, min(id(s)) AS least, max(id(s)) AS greatest
