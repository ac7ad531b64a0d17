// Find the values that accounts were seen with.
// parameters: id (list of strings)
UNWIND $id AS id
MATCH (a:Account {id: id})-[:SEEN_WITH]->(v:Value)
USING INDEX SEEK a:Account(id)
RETURN collect(DISTINCT id(v)) AS node
