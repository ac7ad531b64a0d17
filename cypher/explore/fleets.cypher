// The fleets of the last run, those that used most first.
// parameters: limit (integer = 50: rows)
MATCH (r:Ring {verdict: 'fleet'})
RETURN r.id AS ring, r.size AS accounts, round(r.score, 3) AS score, r.lifecycle AS lifecycle,
       r.exchanges AS exchanges, r.output_tokens AS output_tokens,
       datetime({epochMillis: coalesce(r.first_seen_ms, 0)}) AS first_seen,
       datetime({epochMillis: coalesce(r.last_seen_ms, 0)}) AS last_seen, r.summary AS summary
ORDER BY coalesce(exchanges, 0) DESC, accounts DESC, ring
LIMIT $limit
