// The values with most holders, and why they count little: how few of their holders a ring has.
// parameters: limit (integer = 25: rows)
MATCH (v:Value)
WITH v, COUNT { (v)<-[:SEEN_WITH]-() } AS holders
WHERE holders > 0
ORDER BY holders DESC
LIMIT $limit
OPTIONAL MATCH (v)<-[k:MARKED_BY]-(r:Ring)
WITH v, holders, count(r) AS rings, coalesce(max(k.inside), 0) AS most_in_one_ring,
     coalesce(max(k.nats), 0.0) AS nats
RETURN [name IN labels(v) WHERE NOT name IN ['Value', 'Outside']][0] AS kind, v.id AS pseudonym, holders, rings,
       most_in_one_ring, round(100.0 * most_in_one_ring / holders, 2) AS percent_of_holders, round(nats, 3) AS nats
ORDER BY holders DESC, pseudonym
