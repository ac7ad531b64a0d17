// Wait until no other transaction writes, and keep others waiting until this one ends.
// parameters: none
MATCH (s:Store {name: 'ringfinder'})
SET s.schema_version = s.schema_version
