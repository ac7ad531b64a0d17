// Remove values that no account was seen with, and what they said about rings.
// parameters: none
MATCH (v:Value)
WHERE NOT EXISTS { (v)<-[:SEEN_WITH]-() }
DETACH DELETE v
