// Return what the store knows about itself; no row where it is none.
// parameters: none
MATCH (s:Store {name: 'ringfinder'})
RETURN s.schema_version AS schema_version, coalesce(s.applied, []) AS applied,
       coalesce(s.begun, []) AS begun,
       coalesce(s.clearing, false) AS clearing, coalesce(s.has_twins, false) AS has_twins,
       s.run_id AS run_id, coalesce(s.lock_token, 0) AS lock_token, s.lock_holder AS lock_holder,
       coalesce(s.lock_acquired_ms, 0) AS lock_acquired_ms,
       coalesce(s.lock_expires_ms, 0) AS lock_expires_ms
