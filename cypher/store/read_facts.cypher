// Return what earlier sign-ups and outcomes said about some accounts, a list per property; 0 or '' for null.
// parameters: node (list of node numbers)
UNWIND $node AS node
MATCH (a) WHERE id(a) = node
RETURN collect(node) AS account, collect(coalesce(a.created_ms, '')) AS created_ms,
       collect(coalesce(a.closed_ms, '')) AS closed_ms,
       collect(coalesce(a.country_ms, '')) AS country_ms, collect(coalesce(a.country, 0)) AS country,
       collect(coalesce(a.plan_ms, '')) AS plan_ms, collect(coalesce(a.plan, 0)) AS plan,
       collect(coalesce(a.verified_ms, '')) AS verified_ms,
       collect(coalesce(a.email_verified, '')) AS email_verified,
       collect(coalesce(a.outcome_ms, '')) AS outcome_ms, collect(coalesce(a.outcome, 0)) AS outcome
