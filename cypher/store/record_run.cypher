// Make it the last run.
// parameters: run (string: stands in for a long run_id), run_id (string), token (integer)
MATCH (s:Store {name: 'ringfinder'})
SET s.run_id = $run_id
MERGE (r:Run {id: $run})
SET r.run_id = $run_id, r.token = $token
