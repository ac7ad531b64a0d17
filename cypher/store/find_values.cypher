// Return the node and the kind's label of each attribute value, -1 and '' where there is none.
// parameters: id (list of strings)
UNWIND range(0, size($id) - 1) AS row
OPTIONAL MATCH (v:Value {id: $id[row]})
RETURN collect(row) AS row, collect(coalesce(id(v), -1)) AS node,
       collect(coalesce(v:Outside, false)) AS outside,
       collect(coalesce([label IN labels(v) WHERE NOT label IN ['Value', 'Outside']][0], '')) AS label
