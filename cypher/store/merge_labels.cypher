// Attach labels to accounts, each once.
// parameters: node (list of node numbers), key (list: hash of the whole label), label (list), decided_ms (list), received_ms (list), source (list), run (integer)
UNWIND range(0, size($node) - 1) AS row
MATCH (a) WHERE id(a) = $node[row]
MERGE (l:Label {key: $key[row]})
ON CREATE SET l.label = $label[row], l.decided_ms = $decided_ms[row],
              l.received_ms = $received_ms[row], l.source = $source[row]
MERGE (a)-[h:HAS_LABEL]->(l)
ON CREATE SET h.run = $run
