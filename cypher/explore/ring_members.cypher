// The members of a ring, the surest first, with what they did.
// parameters: ring (string: the ring's id), limit (integer = 100: rows)
MATCH (a:Account)-[m:MEMBER_OF]->(r:Ring {id: $ring})
RETURN a.id AS account, round(m.membership, 3) AS membership, datetime({epochMillis: a.created_ms}) AS created,
       CASE WHEN a.closed_ms IS NOT NULL THEN datetime({epochMillis: a.closed_ms}) END AS closed,
       a.country AS country, a.plan AS plan, a.exchanges AS exchanges, a.output_tokens AS output_tokens
ORDER BY membership DESC, account
LIMIT $limit
