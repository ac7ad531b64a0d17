// Return sightings, a list per property for each range of their numbers.
// parameters: least (integer), greatest (integer), step (integer: numbers per record)
UNWIND range($least, $greatest, $step) AS begin
CALL (begin) {
    MATCH (a)-[s:SEEN_WITH]->(v) WHERE id(s) IN range(begin, begin + $step - 1)
    RETURN collect(id(a)) AS account, collect(id(v)) AS value, collect(s.first_ms) AS first_ms,
           collect(s.last_ms) AS last_ms, collect(s.count) AS count
}
RETURN account, value, first_ms, last_ms, count
