// Replace what is known about accounts by what all their events say together.
// parameters: node (list of node numbers), created_ms (list), closed_ms (list), country_ms (list: when the country was said), country (list), plan_ms (list), plan (list), verified_ms (list), email_verified (list), outcome_ms (list), outcome (list)
UNWIND range(0, size($node) - 1) AS row
MATCH (a) WHERE id(a) = $node[row]
SET a.created_ms = $created_ms[row], a.closed_ms = $closed_ms[row],
    a.country_ms = $country_ms[row], a.country = $country[row],
    a.plan_ms = $plan_ms[row], a.plan = $plan[row],
    a.verified_ms = $verified_ms[row], a.email_verified = $email_verified[row],
    a.outcome_ms = $outcome_ms[row], a.outcome = $outcome[row]
