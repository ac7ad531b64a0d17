// Record which events the store has taken in.
// parameters: applied (list: first, last, first, last, ...), has_twins (boolean)
MATCH (s:Store {name: 'ringfinder'})
SET s.applied = $applied, s.has_twins = $has_twins
