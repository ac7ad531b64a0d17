// Return the values that mark each ring, as one list per property.
// parameters: none
MATCH (r:Ring)
CALL (r) {
    MATCH (r)-[m:MARKED_BY]->(v)
    RETURN collect(coalesce(v.full_id, v.id)) AS pseudonym,
           collect(coalesce([label IN labels(v) WHERE NOT label IN ['Value', 'Outside']][0], '')) AS label,
           collect(m.inside) AS accounts_inside, collect(m.total) AS accounts_total,
           collect(m.nats) AS nats
}
RETURN coalesce(r.full_id, r.id) AS ring_id, pseudonym, label, accounts_inside, accounts_total, nats
