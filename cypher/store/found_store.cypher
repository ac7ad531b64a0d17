// Make an empty database a store, or note that its schema is up to date.
// parameters: schema_version (integer)
MERGE (s:Store {name: 'ringfinder'})
ON CREATE SET s.applied = []
SET s.schema_version = $schema_version
