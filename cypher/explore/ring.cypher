// A ring as a picture: members, and the values that mark it most.
// parameters: ring (string: the ring's id), members (integer = 60: most drawn), values (integer = 12: most drawn)
MATCH (r:Ring {id: $ring})
CALL (r) {
    MATCH (a:Account)-[m:MEMBER_OF]->(r)
    WITH a, m ORDER BY m.membership DESC, a.id LIMIT $members
    RETURN collect(a) AS accounts, collect(m) AS memberships
}
CALL (r) {
    MATCH (r)-[k:MARKED_BY]->(v:Value)
    WITH v, k ORDER BY k.nats DESC, v.id LIMIT $values
    RETURN collect(v) AS marks, collect(k) AS evidence
}
UNWIND accounts AS a
OPTIONAL MATCH (a)-[s:SEEN_WITH]->(v:Value) WHERE v IN marks
RETURN r, accounts, memberships, marks, evidence, collect(s) AS sightings
