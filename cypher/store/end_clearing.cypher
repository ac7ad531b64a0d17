// Note that nothing void is left.
// parameters: none
MATCH (s:Store {name: 'ringfinder'})
REMOVE s.clearing
