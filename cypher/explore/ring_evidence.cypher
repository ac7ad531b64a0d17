// What says that a ring is one: each value, how many members hold it and how many accounts at all.
// parameters: ring (string: the ring's id), limit (integer = 50: rows)
MATCH (r:Ring {id: $ring})-[k:MARKED_BY]->(v:Value)
RETURN [name IN labels(v) WHERE NOT name IN ['Value', 'Outside']][0] AS kind, v.id AS pseudonym,
       k.inside AS members, r.size AS of_members, k.total AS accounts_anywhere, round(k.nats, 3) AS nats
ORDER BY nats DESC, pseudonym
LIMIT $limit
