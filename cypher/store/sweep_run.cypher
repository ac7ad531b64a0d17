// Remove what a run has said about lineage, so that it may say it anew.
// parameters: run (string)
MATCH (:Run {id: $run})-[:RECORDED]->(c:Change)
DETACH DELETE c
