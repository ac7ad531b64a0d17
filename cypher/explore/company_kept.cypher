// The company a value keeps: other values that its holders were seen with, the closest first.
// parameters: pseudonym (string: p, the pepper's version, and 32 digits), holders (integer = 500: most holders looked at), limit (integer = 25: rows)
MATCH (v:Value {id: $pseudonym})
CALL (v) {
    MATCH (v)<-[:SEEN_WITH]-(a:Account)
    RETURN a LIMIT $holders
}
WITH v, collect(a) AS accounts
UNWIND accounts AS a
MATCH (a)-[:SEEN_WITH]->(w:Value)
WHERE w <> v
WITH w, count(*) AS together, size(accounts) AS of_holders
WHERE together >= 2
RETURN [name IN labels(w) WHERE NOT name IN ['Value', 'Outside']][0] AS kind, w.id AS pseudonym, together, of_holders,
       COUNT { (w)<-[:SEEN_WITH]-() } AS holders
ORDER BY together * 1.0 / holders DESC, together DESC, pseudonym
LIMIT $limit
