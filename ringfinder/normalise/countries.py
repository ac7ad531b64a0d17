"""Countries as exports name them: three letters, or a name in English."""

from __future__ import annotations

import unicodedata
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc
import pycountry

# What people and exports write, and the standard does not list.
_ALSO = {
    "Brunei": "BN", "Burma": "MM", "Cape Verde": "CV", "Democratic Republic of the Congo": "CD",
    "East Timor": "TL", "Falkland Islands": "FK", "Great Britain": "GB", "Ivory Coast": "CI",
    "Macau": "MO", "Palestine": "PS", "Russia": "RU", "Swaziland": "SZ", "The Bahamas": "BS",
    "The Gambia": "GM", "The Netherlands": "NL", "Turkey": "TR", "U.K.": "GB", "U.S.": "US",
    "U.S.A.": "US", "UAE": "AE", "Vatican": "VA", "Vatican City": "VA",
}  # fmt: skip


def codes_of_names(names: pa.StringArray) -> pa.StringArray:
    """Return ISO 3166 two-letter codes of countries by their three letters or English names.

    Parameters
    ----------
    names
        String array (V,), folded and in upper case.

    Returns
    -------
    pa.StringArray, shape (V,)
        Null where no country is called so.
    """
    known, codes = _names()
    return codes.take(pc.index_in(names, known))


@cache
def _names() -> tuple[pa.StringArray, pa.StringArray]:
    """Return names in upper case, and the codes they stand for."""
    found: dict[str, str] = {}
    for country in pycountry.countries:
        official, common = (getattr(country, of, "") for of in ("official_name", "common_name"))
        for name in (country.alpha_3, country.name, official, common):
            found |= dict.fromkeys(_spellings(name), country.alpha_2)
    for name, code in _ALSO.items():
        found |= dict.fromkeys(_spellings(name), code)
    found.pop("", None)
    return pa.array(found.keys(), pa.string()), pa.array(found.values(), pa.string())


def _spellings(name: str) -> set[str]:
    """Return a name as the standard writes it, as it is said, and without accents."""
    first, comma, rest = name.partition(", ")
    said = {name, f"{rest} {first}"} if comma and "," not in rest else {name}
    bare = {
        "".join(c for c in unicodedata.normalize("NFD", one) if not unicodedata.combining(c))
        for one in said
    }
    return {one.upper().replace("'", mark) for one in said | bare for mark in "'’"}
