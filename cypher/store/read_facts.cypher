// Return what earlier sign-ups and outcomes said about some accounts, one list per property.
// parameters: node (list of node numbers)
UNWIND range(0, size($node) - 1) AS row
MATCH (a) WHERE id(a) = $node[row]
RETURN row, a.created_ms AS created_ms, a.closed_ms AS closed_ms, a.country_ms AS country_ms,
       a.country AS country, a.plan_ms AS plan_ms, a.plan AS plan, a.verified_ms AS verified_ms,
       a.email_verified AS email_verified, a.outcome_ms AS outcome_ms, a.outcome AS outcome
