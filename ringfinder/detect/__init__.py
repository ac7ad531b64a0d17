"""Find rings: accounts that belong together beyond what chance and population explain.

In reading order::

    popular      the values that regions are told apart by          (popular.py)
    classes      learn the population's own structure               (classes.py)
    pairs        values that sit together beyond it                 (evidence/pairs.py)
    candidates   Leiden on the graph of such values                 (candidates.py)
    refine       accounts enter and leave by their odds             (refine.py)
    ledger       of which only those that changed are measured      (ledger.py)
    webs         accounts tied by rare values of which no two meet  (webs.py)
    ties         parts of a community that nothing ties together    (ties.py)
    divide       communities that are two                           (divide.py)
    null         the same on permuted data: false discovery rates   (null.py)
    find         all of it                                          (find.py)
    lineage      rings keep their names from run to run             (lineage.py)
"""

from ringfinder.detect.find import Detection, find_rings

__all__ = ["Detection", "find_rings"]
