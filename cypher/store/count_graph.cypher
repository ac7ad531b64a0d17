// Count the accounts that count, what they were seen with and how often, and everything else.
// parameters: none
CALL () {
    MATCH (a:Account) WHERE a.created_ms IS NOT NULL AND a.outcome = 'completed'
    RETURN count(a) AS accounts, coalesce(sum(COUNT { (a)-[:SEEN_WITH]->() }), 0) AS sightings
}
CALL () {
    MATCH (v:Value)
    WHERE EXISTS { (v)<-[:SEEN_WITH]-(a:Account WHERE a.created_ms IS NOT NULL
                                                AND a.outcome = 'completed') }
    RETURN count(v) AS values
}
CALL () { MATCH (l:Label) RETURN count(l) AS labels }
CALL () { MATCH (d:Decision) RETURN count(d) AS decisions }
CALL () { MATCH (r:Ring) RETURN count(r) AS rings }
RETURN accounts, values, sightings, labels, decisions, rings
