// Return the node of each account, -1 where there is none, and which stand outside of the events.
// parameters: id (list of strings)
UNWIND range(0, size($id) - 1) AS row
OPTIONAL MATCH (a:Account {id: $id[row]})
RETURN collect(row) AS row, collect(coalesce(id(a), -1)) AS node,
       collect(coalesce(a:Outside, false)) AS outside
