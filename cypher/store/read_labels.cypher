// Return every label, a list per property for some of them at a time; 0 for null.
// parameters: step (integer: labels per record)
MATCH (l:Label)
WITH collect(l) AS every
UNWIND range(0, size(every) - 1, $step) AS begin
WITH every[begin .. begin + $step] AS some
CALL (some) {
    UNWIND some AS l
    MATCH (a:Account)-[:HAS_LABEL]->(l)
    RETURN collect(coalesce(a.full_id, a.id)) AS account_id, collect(l.label) AS label,
           collect(l.decided_ms) AS decided_ms, collect(l.received_ms) AS received_ms,
           collect(coalesce(l.source, 0)) AS source
}
RETURN account_id, label, decided_ms, received_ms, source
