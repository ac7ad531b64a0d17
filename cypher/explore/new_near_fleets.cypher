// Sign-ups since a moment that touch a fleet and are in no ring, those that touch most first.
// parameters: since_ms (integer: milliseconds since 1970 UTC, such as last night's run), nats (float = 3.0: least weight of a value), limit (integer = 100: rows)
MATCH (a:Account)
USING INDEX SEEK a:Account(created_ms)
WHERE a.created_ms >= $since_ms AND NOT EXISTS { (a)-[:MEMBER_OF]->(:Ring) }
MATCH (a)-[:SEEN_WITH]->(v:Value)<-[k:MARKED_BY]-(r:Ring {verdict: 'fleet'})
WHERE k.nats >= $nats
WITH a, r, collect(DISTINCT [name IN labels(v) WHERE NOT name IN ['Value', 'Outside']][0]) AS kinds, sum(k.nats) AS nats
RETURN a.id AS account, datetime({epochMillis: a.created_ms}) AS created, r.id AS ring, kinds, round(nats, 3) AS nats
ORDER BY size(kinds) DESC, nats DESC, account
LIMIT $limit
