// Accounts one shared value short of a ring: outside it, with values of one kind of which the ring has a quarter or more.
// parameters: ring (string: the ring's id), most (integer = 1000: holders from which a value is left out), limit (integer = 100: rows)
MATCH (r:Ring {id: $ring})-[k:MARKED_BY]->(v:Value)
WHERE k.inside * 4 >= k.total AND COUNT { (v)<-[:SEEN_WITH]-() } <= $most
MATCH (v)<-[:SEEN_WITH]-(a:Account)
WHERE a.created_ms IS NOT NULL AND NOT EXISTS { (a)-[:MEMBER_OF]->(r) }
WITH a, v, k ORDER BY k.nats DESC, v.id
WITH a, collect(DISTINCT [name IN labels(v) WHERE NOT name IN ['Value', 'Outside']][0]) AS kinds,
     collect(v.id)[0] AS pseudonym, max(k.nats) AS nats
WHERE size(kinds) = 1
RETURN a.id AS account, kinds[0] AS kind, pseudonym, round(nats, 3) AS nats, datetime({epochMillis: a.created_ms}) AS created
ORDER BY nats DESC, account
LIMIT $limit
