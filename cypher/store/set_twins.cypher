// Record that values of two kinds share a pseudonym.
// parameters: none
MATCH (s:Store {name: 'ringfinder'})
SET s.has_twins = true
