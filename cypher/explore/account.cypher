// One account as a picture: its ring, and its values with few holders.
// parameters: account (string: the account's id), most (integer = 1000: holders from which a value is left out)
MATCH (a:Account {id: $account})
OPTIONAL MATCH (a)-[m:MEMBER_OF]->(r:Ring)
OPTIONAL MATCH (a)-[s:SEEN_WITH]->(v:Value)
WHERE COUNT { (v)<-[:SEEN_WITH]-() } <= $most
RETURN a, m, r, s, v
LIMIT 200
