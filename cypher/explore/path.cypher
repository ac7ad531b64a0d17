// The shortest ways from one account to another through values that few hold.
// parameters: from (string: an account's id), to (string: an account's id), most (integer = 1000: holders from which a value is no way), limit (integer = 5: paths, 10 at most)
MATCH p = SHORTEST 10
    (a:Account {id: $from})
    (()-[:SEEN_WITH]->(v:Value WHERE COUNT { (v)<-[:SEEN_WITH]-() } <= $most)<-[:SEEN_WITH]-(:Account)){1,4}
    (b:Account {id: $to})
RETURN p
LIMIT $limit
