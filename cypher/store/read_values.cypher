// Return attribute values that events named, a list per property for each range of node numbers.
// parameters: least (integer), greatest (integer), step (integer: numbers per record)
UNWIND range($least, $greatest, $step) AS begin
CALL (begin) {
    MATCH (v) WHERE id(v) IN range(begin, begin + $step - 1) AND v:Value AND NOT v:Outside
    RETURN collect(id(v)) AS key, collect(coalesce(v.full_id, v.id)) AS pseudonym,
           collect(coalesce([label IN labels(v) WHERE NOT label IN ['Value', 'Outside']][0], '')) AS label
}
RETURN key, pseudonym, label
