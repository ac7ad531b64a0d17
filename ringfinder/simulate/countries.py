"""Countries, their mail providers and clients: names that exist, so that normalisers meet them."""

from __future__ import annotations

from typing import NamedTuple


class Country(NamedTuple):
    """Facts of a country that telemetry shows.

    Attributes
    ----------
    code, dial, zone
        ISO code, calling code, hours ahead of UTC.
    mobile, digits
        How mobile numbers begin after the calling code, and how many digits follow.
    tld
        Usual ending of its firms' domains.
    mail
        Its own free-mail providers.
    sounds
        Syllables its names are made from.
    """

    code: str
    dial: str
    mobile: str
    digits: int
    zone: int
    tld: str
    mail: tuple[str, ...]
    sounds: str


_GERMANIC = "an ber car del erik fen gus hol ing jen kar lin mar nor ol per rut sven tor ul vik wil"
_ROMANCE = "al be ca de el fa gi ho is jo la ma ni or pa qui ra sa te u vi za lo mi ro"
_SLAVIC = "an bo cze da ev fil gor hal iv ja ko lu mir nik ol pav ra sla tom ur vla woj ya zo"
_ASIAN = "ai chen da fu gao hao jin kai li mei nan ping qin rong shu tao wei xin yi zhi yu han"
_INDIC = "aa bha chi de ga har ish ja ki la man ni om pra raj sha ta uma vi ya sun dev an"
_ENGLISH = "al ben ca dan el fred gra har ian ja ken lu mor ned ow pe ray sam ted wil bar son"

COUNTRIES: tuple[Country, ...] = (
    Country(
        "US",
        "1",
        "2126 3125 4157 7138 3054",
        6,
        -6,
        "com",
        ("yahoo.com", "aol.com", "comcast.net"),
        _ENGLISH,
    ),
    Country("IN", "91", "98 97 90", 8, 5, "in", ("rediffmail.com", "yahoo.in"), _INDIC),
    Country("DE", "49", "151 152 176", 8, 1, "de", ("gmx.de", "web.de", "t-online.de"), _GERMANIC),
    Country("BR", "55", "119 219 319", 8, -3, "com.br", ("uol.com.br", "bol.com.br"), _ROMANCE),
    Country("GB", "44", "74 75 78", 8, 0, "co.uk", ("yahoo.co.uk", "btinternet.com"), _ENGLISH),
    Country("JP", "81", "80", 8, 9, "co.jp", ("yahoo.co.jp", "docomo.ne.jp"), _ASIAN),
    Country("FR", "33", "61 62 66", 7, 1, "fr", ("orange.fr", "free.fr", "laposte.net"), _ROMANCE),
    Country("PL", "48", "501 601 691", 6, 1, "pl", ("wp.pl", "o2.pl", "onet.pl"), _SLAVIC),
    Country("ID", "62", "812 813 857", 8, 7, "co.id", ("yahoo.co.id",), _INDIC),
    Country("KR", "82", "102 103 104", 7, 9, "co.kr", ("naver.com", "daum.net"), _ASIAN),
    Country("IT", "39", "320 333 347", 7, 1, "it", ("libero.it", "virgilio.it"), _ROMANCE),
    Country("VN", "84", "90 91 98", 7, 7, "vn", ("yahoo.com.vn",), _ASIAN),
    Country("ES", "34", "600 650 690", 6, 1, "es", ("hotmail.es", "telefonica.net"), _ROMANCE),
    Country("TR", "90", "532 542 555", 7, 3, "com.tr", ("mynet.com", "hotmail.com.tr"), _INDIC),
    Country("UA", "380", "50 67 93", 7, 2, "ua", ("ukr.net", "i.ua"), _SLAVIC),
    Country("CA", "1", "4165 6047 5145", 6, -5, "ca", ("yahoo.ca", "rogers.com"), _ENGLISH),
    Country("NL", "31", "61 62 64", 7, 1, "nl", ("ziggo.nl", "kpnmail.nl"), _GERMANIC),
    Country("MX", "52", "55 33 81", 8, -6, "com.mx", ("prodigy.net.mx", "yahoo.com.mx"), _ROMANCE),
    Country("AU", "61", "41 42 43", 7, 10, "com.au", ("bigpond.com", "yahoo.com.au"), _ENGLISH),
    Country("NG", "234", "803 806 810", 7, 1, "ng", ("yahoo.com.ng",), _ENGLISH),
    Country("SE", "46", "70 73 76", 7, 1, "se", ("telia.com", "spray.se"), _GERMANIC),
    Country(
        "AR",
        "54",
        "91135 91155 91160",
        6,
        -3,
        "com.ar",
        ("yahoo.com.ar", "fibertel.com.ar"),
        _ROMANCE,
    ),
    Country("CZ", "420", "602 723 777", 6, 1, "cz", ("seznam.cz", "centrum.cz"), _SLAVIC),
    Country("TW", "886", "91 92 93", 7, 8, "com.tw", ("yahoo.com.tw", "pchome.com.tw"), _ASIAN),
    Country("ZA", "27", "82 83 72", 7, 2, "co.za", ("mweb.co.za", "webmail.co.za"), _ENGLISH),
    Country("RO", "40", "72 74 75", 7, 2, "ro", ("yahoo.ro",), _ROMANCE),
    Country("PH", "63", "917 918 905", 7, 8, "ph", ("yahoo.com.ph",), _ROMANCE),
    Country("PT", "351", "91 92 96", 7, 0, "pt", ("sapo.pt",), _ROMANCE),
    Country("CH", "41", "76 78 79", 7, 1, "ch", ("bluewin.ch", "gmx.ch"), _GERMANIC),
    Country("AT", "43", "664 676", 7, 1, "at", ("gmx.at", "aon.at"), _GERMANIC),
    Country("BE", "32", "47 48 49", 7, 1, "be", ("telenet.be", "skynet.be"), _GERMANIC),
    Country("CO", "57", "300 310 320", 7, -5, "com.co", ("une.net.co",), _ROMANCE),
    Country("TH", "66", "81 86 89", 7, 7, "co.th", ("hotmail.co.th",), _ASIAN),
    Country("PK", "92", "300 321 333", 7, 5, "pk", ("yahoo.com.pk",), _INDIC),
    Country("EG", "20", "100 111 122", 7, 2, "com.eg", ("link.net",), _INDIC),
    Country("DK", "45", "26 27 28", 6, 1, "dk", ("mail.dk",), _GERMANIC),
    Country("FI", "358", "40 50", 7, 2, "fi", ("luukku.com", "kolumbus.fi"), _GERMANIC),
    Country("NO", "47", "40 41 90", 6, 1, "no", ("online.no",), _GERMANIC),
    Country("GR", "30", "694 697", 7, 2, "gr", ("otenet.gr",), _ROMANCE),
    Country("CL", "56", "98", 7, -4, "cl", ("vtr.net",), _ROMANCE),
)

GLOBAL_MAIL: tuple[tuple[str, float], ...] = (
    ("gmail.com", 0.54),
    ("outlook.com", 0.09),
    ("hotmail.com", 0.08),
    ("icloud.com", 0.07),
    ("live.com", 0.02),
    ("proton.me", 0.025),
    ("gmx.net", 0.01),
)
ALIAS_MAIL: tuple[str, ...] = (
    "privaterelay.appleid.com",
    "duck.com",
    "simplelogin.com",
    "addy.io",
    "mozmail.com",
)
DISPOSABLE_MAIL: tuple[str, ...] = (
    "mailinator.com",
    "guerrillamail.com",
    "10minutemail.com",
    "yopmail.com",
    "temp-mail.org",
)
PLANS: tuple[str, ...] = ("free", "pro", "api", "team")
FREE, PRO, API, TEAM = range(4)
REFERRERS: tuple[str, ...] = (
    "",
    "https://www.google.com/",
    "https://github.com/",
    "https://www.youtube.com/",
    "https://news.ycombinator.com/",
    "https://www.reddit.com/",
    "https://t.co/",
    "https://www.linkedin.com/",
    "https://www.bing.com/",
    "https://duckduckgo.com/",
)
MODELS: tuple[str, ...] = ("lodestar-1-mini", "lodestar-1", "lodestar-1-max", "lodestar-2")
"""The last one is released in the middle of the window."""
