// Write the rings of a run; a ring that lives on stays the same node.
// parameters: id (list of strings), full_id (list: where id stands in), size (list), score (list), verdict (list), lifecycle (list), first_seen_ms (list), last_seen_ms (list), exchanges (list), output_tokens (list), false_discovery_rate (list), summary (list), run (string)
UNWIND range(0, size($id) - 1) AS row
MERGE (r:Ring {id: $id[row]})
SET r.full_id = $full_id[row], r.size = $size[row], r.score = $score[row],
    r.verdict = $verdict[row], r.lifecycle = $lifecycle[row],
    r.first_seen_ms = $first_seen_ms[row], r.last_seen_ms = $last_seen_ms[row],
    r.exchanges = $exchanges[row], r.output_tokens = $output_tokens[row],
    r.false_discovery_rate = $false_discovery_rate[row], r.summary = $summary[row], r.run = $run
MERGE (n:RingName {id: $id[row]})
SET n.full_id = $full_id[row]
RETURN collect(row) AS row, collect(id(r)) AS node, collect(id(n)) AS name
