// Accounts that share rare values with one account, the closest first.
// parameters: account (string: the account's id), most (integer = 1000: holders from which a value is left out), limit (integer = 50: rows)
MATCH (:Account {id: $account})-[:SEEN_WITH]->(v:Value)
WITH v, COUNT { (v)<-[:SEEN_WITH]-() } AS holders
WHERE 2 <= holders <= $most
MATCH (v)<-[:SEEN_WITH]-(b:Account)
WHERE b.id <> $account
WITH b, count(v) AS shared, sum(1.0 / holders) AS closeness,
     collect(DISTINCT [name IN labels(v) WHERE NOT name IN ['Value', 'Outside']][0]) AS kinds
OPTIONAL MATCH (b)-[:MEMBER_OF]->(r:Ring)
RETURN b.id AS account, shared, kinds, round(closeness, 3) AS closeness, r.id AS ring, r.verdict AS verdict
ORDER BY closeness DESC, account
LIMIT $limit
