"""Find rings: accounts that belong together beyond what chance and population explain.

In reading order::

    classes      learn the population's own structure               (classes.py)
    pairs        values that sit together beyond it                 (evidence/pairs.py)
    candidates   Leiden on the graph of such values                 (candidates.py)
    refine       accounts enter and leave by their odds             (refine.py)
    webs         accounts tied by rare values of which no two meet  (webs.py)
    divide       communities that are two                           (divide.py)
    null         the same on permuted data: false discovery rates   (null.py)
"""

from ringfinder.detect.find import Detection, find_rings

__all__ = ["Detection", "find_rings"]
