// Find the values that accounts were seen with.
// parameters: id (list of strings)
UNWIND $id AS id
MATCH (:Account {id: id})-[:SEEN_WITH]->(v:Value)
RETURN collect(DISTINCT id(v)) AS node
