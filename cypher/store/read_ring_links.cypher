// Return members, evidence and name of each ring, as one list per property.
// parameters: none
MATCH (r:Ring)
CALL (r) {
    MATCH (r)-[x:MEMBER_OF|MARKED_BY|NAMED]-()
    RETURN collect(id(x)) AS link, collect(type(x)) AS type,
           collect(id(startNode(x))) AS begin, collect(id(endNode(x))) AS end,
           collect([x.membership, x.inside, x.total, x.nats]) AS said
}
RETURN link, type, begin, end, said
