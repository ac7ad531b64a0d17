// Take in nodes that only rings knew: now events name them, too.
// parameters: node (list of node numbers)
UNWIND $node AS node
MATCH (n) WHERE id(n) = node
REMOVE n:Outside
