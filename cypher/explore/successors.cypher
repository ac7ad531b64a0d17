// Who came after a ring fell silent: later sign-ups outside it with values of which the ring had a quarter or more.
// parameters: ring (string: the ring's id), most (integer = 1000: holders from which a value is left out), limit (integer = 100: rows)
MATCH (r:Ring {id: $ring})-[k:MARKED_BY]->(v:Value)
WHERE k.inside * 4 >= k.total AND COUNT { (v)<-[:SEEN_WITH]-() } <= $most
MATCH (v)<-[:SEEN_WITH]-(a:Account)
WHERE a.created_ms > r.last_seen_ms AND NOT EXISTS { (a)-[:MEMBER_OF]->(r) }
WITH a, collect(DISTINCT [name IN labels(v) WHERE NOT name IN ['Value', 'Outside']][0]) AS kinds, sum(k.nats) AS nats
OPTIONAL MATCH (a)-[:MEMBER_OF]->(now:Ring)
RETURN a.id AS account, datetime({epochMillis: a.created_ms}) AS created, kinds, round(nats, 3) AS nats, now.id AS ring
ORDER BY nats DESC, account
LIMIT $limit
