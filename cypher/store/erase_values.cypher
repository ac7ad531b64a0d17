// Remove those of some values that no account was seen with, and what they said about rings.
// parameters: node (list of node numbers)
UNWIND $node AS node
MATCH (v) WHERE id(v) = node AND NOT EXISTS { (v)<-[:SEEN_WITH]-() }
DETACH DELETE v
