// Make a database a store, also one that was a store before; or note that its schema is up to date.
// parameters: schema_version (integer), again (boolean: it was a store before), token (integer: those of the run lock begin above it)
OPTIONAL MATCH (r:Run) WHERE $again AND r.token IS NOT NULL
WITH r ORDER BY r.token DESC LIMIT 1
WITH r, CASE WHEN EXISTS { (:Account|Value|Label|Decision) } THEN $again END AS void
MERGE (s:Store {name: 'ringfinder'})
ON CREATE SET s.applied = [], s.run_id = r.run_id, s.clearing = void, s.has_twins = void,
              s.lock_token = CASE WHEN r.token > $token THEN r.token ELSE $token END
SET s.schema_version = $schema_version
