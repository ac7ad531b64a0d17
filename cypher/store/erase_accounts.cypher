// Remove accounts, their labels, decisions, sightings and memberships.
// parameters: id (list of strings)
UNWIND $id AS id
MATCH (a:Account {id: id})
OPTIONAL MATCH (a)-[:HAS_LABEL|DECIDED]->(told)
DETACH DELETE a, told
