// Record which events the store has taken in, and which batches it has begun with.
// parameters: applied (list: first, last, first, last, ...), begun (list: first, last, slices, slices written, ...), has_twins (boolean)
MATCH (s:Store {name: 'ringfinder'})
SET s.applied = $applied, s.begun = $begun, s.has_twins = $has_twins
