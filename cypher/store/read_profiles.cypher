// Return the profiles of accounts, a list per property for each range of node numbers; '' for null.
// parameters: least (integer), greatest (integer), step (integer: numbers per record)
UNWIND range($least, $greatest, $step) AS begin
CALL (begin) {
    MATCH (a) WHERE id(a) IN range(begin, begin + $step - 1) AND a:Account
          AND a.profile_through IS NOT NULL
    RETURN collect(coalesce(a.full_id, a.id)) AS account_id, collect(a.profile_through) AS through,
           collect(a.hours) AS hours, collect(a.active_days) AS active_days,
           collect(a.exchanges) AS exchanges, collect(a.input_tokens) AS input_tokens,
           collect(a.output_tokens) AS output_tokens,
           collect(coalesce(a.first_use_ms, '')) AS first_use_ms,
           collect(coalesce(a.last_use_ms, '')) AS last_use_ms
}
RETURN account_id, through, hours, active_days, exchanges, input_tokens, output_tokens,
       first_use_ms, last_use_ms
