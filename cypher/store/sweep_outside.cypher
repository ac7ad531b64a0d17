// Remove what only rings knew, and no ring knows any more.
// parameters: none
MATCH (n:Outside)
WHERE NOT EXISTS { (n)--() }
DELETE n
