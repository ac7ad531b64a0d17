// Values that mark several rings: a proxy pool or a card that two operators use.
// parameters: limit (integer = 50: rows)
MATCH (v:Value)<-[k:MARKED_BY]-(r:Ring)
WITH v, collect({ring: r.id, verdict: r.verdict, members: k.inside}) AS rings, max(k.total) AS holders
WHERE size(rings) >= 2
RETURN [name IN labels(v) WHERE NOT name IN ['Value', 'Outside']][0] AS kind, v.id AS pseudonym,
       holders, rings
ORDER BY size(rings) DESC, holders, pseudonym
LIMIT $limit
