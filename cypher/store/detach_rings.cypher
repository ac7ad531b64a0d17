// Take members, evidence and names from the rings of the run before.
// parameters: none
MATCH (:Ring)-[x:MEMBER_OF|MARKED_BY|NAMED]-()
DELETE x
