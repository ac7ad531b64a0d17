// Remove the rings that a run did not touch.
// parameters: run (string)
MATCH (r:Ring) WHERE r.run <> $run
DETACH DELETE r
