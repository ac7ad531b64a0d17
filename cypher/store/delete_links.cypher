// Take members, evidence and names from rings that are no longer to have them.
// parameters: link (list of relationship numbers)
UNWIND range(0, size($link) - 1) AS row
MATCH ()-[x]->() WHERE id(x) = $link[row]
DELETE x
