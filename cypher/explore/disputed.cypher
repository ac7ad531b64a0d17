// Where the last label and the last run disagree: members of fleets labelled legitimate, fraud outside them.
// parameters: limit (integer = 100: rows)
MATCH (a:Account)-[:HAS_LABEL]->(l:Label)
WHERE a.created_ms IS NOT NULL
WITH a, l ORDER BY l.decided_ms DESC, l.label DESC
WITH a, collect(l)[0] AS l
OPTIONAL MATCH (a)-[:MEMBER_OF]->(r:Ring)
WITH a, l, r
WHERE (l.label = 'legitimate' AND r.verdict = 'fleet')
   OR (l.label = 'fraud' AND coalesce(r.verdict, 'none') <> 'fleet')
RETURN a.id AS account, l.label AS label, datetime({epochMillis: l.decided_ms}) AS decided,
       l.source AS source, r.id AS ring, r.verdict AS verdict
ORDER BY decided DESC, account
LIMIT $limit
