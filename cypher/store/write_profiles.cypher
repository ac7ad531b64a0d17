// Replace the profiles of accounts.
// parameters: node (list of node numbers), through (list of sequence numbers), hours (list of lists of 24), active_days (list), exchanges (list), input_tokens (list), output_tokens (list), first_use_ms (list), last_use_ms (list)
UNWIND range(0, size($node) - 1) AS row
MATCH (a) WHERE id(a) = $node[row]
SET a.profile_through = $through[row], a.hours = $hours[row], a.active_days = $active_days[row],
    a.exchanges = $exchanges[row], a.input_tokens = $input_tokens[row],
    a.output_tokens = $output_tokens[row], a.first_use_ms = $first_use_ms[row],
    a.last_use_ms = $last_use_ms[row]
