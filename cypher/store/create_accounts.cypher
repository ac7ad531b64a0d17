// Make the nodes of accounts that the store has never heard of.
// parameters: id (list of strings), full_id (list: where id stands in for a long one), outside (boolean: known from a ring only)
UNWIND range(0, size($id) - 1) AS row
CREATE (a:Account {id: $id[row], full_id: $full_id[row]})
FOREACH (x IN CASE WHEN $outside THEN [1] ELSE [] END | SET a:Outside)
RETURN collect(row) AS row, collect(id(a)) AS node
