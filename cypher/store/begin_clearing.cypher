// Mark what follows from events as void: from now on the store is empty.
// parameters: none
MATCH (s:Store {name: 'ringfinder'})
SET s.clearing = true, s.applied = [], s.begun = []
