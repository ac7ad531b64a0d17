// Return the profiles of some accounts that have one.
// parameters: node (list of node numbers)
UNWIND range(0, size($node) - 1) AS row
MATCH (a) WHERE id(a) = $node[row] AND a.profile_through IS NOT NULL
RETURN row, a.profile_through AS through, a.hours AS hours, a.active_days AS active_days,
       a.exchanges AS exchanges, a.input_tokens AS input_tokens,
       a.output_tokens AS output_tokens, a.first_use_ms AS first_use_ms,
       a.last_use_ms AS last_use_ms
