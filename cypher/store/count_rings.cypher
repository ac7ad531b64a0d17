// Count the rings of the last run.
// parameters: none
MATCH (r:Ring) RETURN count(r) AS rings
