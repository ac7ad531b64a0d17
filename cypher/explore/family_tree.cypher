// Where a ring came from and what came of it, as a picture of its splits and mergers.
// parameters: ring (string: the ring's id, also of one that is no more), limit (integer = 100: paths)
MATCH p = (:RingName {id: $ring})(
    ()<-[:NOW|BEFORE]-(c:Change WHERE NOT c.change IN ['kept', 'grew', 'shrank'])-[:NOW|BEFORE]->(:RingName)
){0,4}()
RETURN p
LIMIT $limit
