// From a value to its accounts; `ringfinder pseudonym KIND VALUE` says a clear value's pseudonym.
// parameters: pseudonym (string: p, the pepper's version, and 32 digits), limit (integer = 100: rows)
MATCH (v:Value {id: $pseudonym})<-[s:SEEN_WITH]-(a:Account)
WITH v, s, a LIMIT $limit
OPTIONAL MATCH (a)-[m:MEMBER_OF]->(r:Ring)
RETURN v, s, a, m, r
