// Return the members of each ring, as one list per property.
// parameters: none
MATCH (r:Ring)
CALL (r) {
    MATCH (r)<-[m:MEMBER_OF]-(a)
    RETURN collect(coalesce(a.full_id, a.id)) AS account_id, collect(m.membership) AS membership
}
RETURN coalesce(r.full_id, r.id) AS ring_id, account_id, membership
