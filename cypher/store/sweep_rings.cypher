// Remove the rings that a run did not touch; one that was drawn by hand has no run.
// parameters: run (string)
MATCH (r:Ring) WHERE r.run IS NULL OR r.run <> $run
DETACH DELETE r
