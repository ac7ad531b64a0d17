// Note who has the right to write rings.
// parameters: token (integer), holder (string, or null: nobody), acquired_ms (integer), expires_ms (integer)
MATCH (s:Store {name: 'ringfinder'})
SET s.lock_token = $token, s.lock_holder = $holder, s.lock_acquired_ms = $acquired_ms,
    s.lock_expires_ms = $expires_ms
