// Everything an account was seen with, and how many others were.
// parameters: account (string: the account's id), limit (integer = 200: rows)
MATCH (a:Account {id: $account})-[s:SEEN_WITH]->(v:Value)
RETURN [name IN labels(v) WHERE NOT name IN ['Value', 'Outside']][0] AS kind, v.id AS pseudonym,
       COUNT { (v)<-[:SEEN_WITH]-() } AS holders, s.count AS times,
       datetime({epochMillis: s.first_ms}) AS first, datetime({epochMillis: s.last_ms}) AS last
ORDER BY holders, kind, pseudonym
LIMIT $limit
