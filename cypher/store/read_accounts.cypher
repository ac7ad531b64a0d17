// Return accounts that events named, a list per property for each range of node numbers; 0 for null.
// parameters: least (integer), greatest (integer), step (integer: numbers per record)
UNWIND range($least, $greatest, $step) AS begin
CALL (begin) {
    MATCH (a) WHERE id(a) IN range(begin, begin + $step - 1) AND a:Account AND NOT a:Outside
    RETURN collect(id(a)) AS key, collect(coalesce(a.full_id, a.id)) AS account_id,
           collect(coalesce(a.created_ms, '')) AS created_ms,
           collect(coalesce(a.closed_ms, '')) AS closed_ms,
           collect(coalesce(a.country, 0)) AS country, collect(coalesce(a.plan, 0)) AS plan,
           collect(coalesce(a.email_verified, '')) AS email_verified,
           collect(coalesce(a.outcome, 0)) AS outcome,
           collect(coalesce(a.outcome_ms, '')) AS outcome_ms
}
RETURN key, account_id, created_ms, closed_ms, country, plan, email_verified, outcome, outcome_ms
