// Communities that were looked at and not flagged: organisations, households, the unclear.
// parameters: limit (integer = 50: rows)
MATCH (r:Ring)
WHERE r.verdict <> 'fleet'
RETURN r.id AS ring, r.verdict AS verdict, r.size AS accounts, round(r.score, 3) AS score, r.summary AS summary
ORDER BY accounts DESC, ring
LIMIT $limit
