// Return the rings of the last run.
// parameters: none
MATCH (r:Ring)
RETURN coalesce(r.full_id, r.id) AS ring_id, r.size AS size, r.score AS score,
       r.verdict AS verdict, r.lifecycle AS lifecycle, r.first_seen_ms AS first_seen_ms,
       r.last_seen_ms AS last_seen_ms, r.exchanges AS exchanges,
       r.output_tokens AS output_tokens, r.false_discovery_rate AS false_discovery_rate,
       r.summary AS summary
