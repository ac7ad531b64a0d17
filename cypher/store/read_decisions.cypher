// Return every decision, a list per property for some of them at a time; 0 or '' for null.
// parameters: step (integer: decisions per record)
MATCH (d:Decision)
WITH collect(d) AS every
UNWIND range(0, size(every) - 1, $step) AS begin
WITH every[begin .. begin + $step] AS some
CALL (some) {
    UNWIND some AS d
    MATCH (a:Account)-[:DECIDED]->(d)
    RETURN collect(coalesce(a.full_id, a.id)) AS account_id, collect(d.decision) AS decision,
           collect(d.decided_ms) AS decided_ms, collect(coalesce(d.score, '')) AS score,
           collect(coalesce(d.ring_id, 0)) AS ring_id,
           collect(coalesce(d.snapshot_id, 0)) AS snapshot_id
}
RETURN account_id, decision, decided_ms, score, ring_id, snapshot_id
