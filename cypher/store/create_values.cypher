// Make the nodes of attribute values of one kind that the store has never heard of.
// parameters: id (list of strings), full_id (list: where id stands in), outside (boolean: known from a ring only)
UNWIND range(0, size($id) - 1) AS row
CREATE (v:Value:KIND {id: $id[row], full_id: $full_id[row]})
FOREACH (x IN CASE WHEN $outside THEN [1] ELSE [] END | SET v:Outside)
RETURN collect(row) AS row, collect(id(v)) AS node
