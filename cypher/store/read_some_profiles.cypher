// Return the profiles of some accounts that have one, a list per property; '' for null.
// parameters: node (list of node numbers)
UNWIND $node AS node
MATCH (a) WHERE id(a) = node AND a.profile_through IS NOT NULL
RETURN collect(node) AS account, collect(a.profile_through) AS through, collect(a.hours) AS hours,
       collect(a.active_days) AS active_days, collect(a.exchanges) AS exchanges,
       collect(a.input_tokens) AS input_tokens, collect(a.output_tokens) AS output_tokens,
       collect(coalesce(a.first_use_ms, '')) AS first_use_ms,
       collect(coalesce(a.last_use_ms, '')) AS last_use_ms
