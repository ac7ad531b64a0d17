"""What is known about mail providers: who they are, and which addresses reach one mailbox.

The lists are this project's own, from the providers' public documentation; they err on the
side of leaving a domain out, because an attacker may register what is listed here loosely.
"""

from __future__ import annotations

_FREE_BRANDS = {
    "aol": "com de fr it co.uk com.br com.mx jp",
    "gmx": "at ch com de eu fr net us co.uk info org",
    "hotmail": "at be ca ch cl co co.id co.il co.jp co.kr co.nz co.th co.uk co.za com com.ar "
    "com.au com.br com.hk com.mx com.tr com.tw com.vn cz de dk es fi fr gr hu it jp my nl no ph "
    "pt ro rs se sg",
    "live": "at be ca ch cl cn co.kr co.uk co.za com com.ar com.au com.mx com.my com.ph com.pt "
    "com.sg de dk fi fr hk ie in it jp nl no ph ru se",
    "outlook": "at be bg ca ch cl co.id co.il co.nz co.th com com.ar com.au com.br com.gr com.tr "
    "com.vn cz de dk es fr hu ie in it jp kr lv my nl ph pt sa sg sk",
    "msn": "com cn",
    "yahoo": "at be bg ca ch cl co.id co.il co.in co.jp co.kr co.nz co.th co.uk co.za com com.ar "
    "com.au com.br com.cn com.co com.hk com.mx com.my com.pe com.ph com.sg com.tr com.tw com.ua "
    "com.ve com.vn cz de dk es fi fr gr hr hu ie in it lt lv nl no ph pl pt ro rs ru se si sk",
    "yandex": "by com com.tr fr kz lt lv ru ua uz",
    "zoho": "com eu in com.au jp",
    "tutanota": "com de",
    "protonmail": "ch com",
    "hushmail": "com me",
    "libero": "it",
    "orange": "fr",
    "seznam": "cz",
    "uol": "com.br",
}
_FREE_SINGLE = """
gmail.com googlemail.com icloud.com me.com mac.com proton.me pm.me ymail.com rocketmail.com
myyahoo.com passport.com windowslive.com aim.com ya.ru mail.com email.com usa.com post.com
europe.com engineer.com consultant.com inbox.com inbox.lv mail.ee mail.ru bk.ru inbox.ru list.ru
internet.ru rambler.ru lenta.ru ro.ru autorambler.ru myrambler.ru ukr.net i.ua meta.ua bigmir.net
tut.by web.de freenet.de t-online.de online.de arcor.de email.de 1und1.de laposte.net free.fr
sfr.fr neuf.fr wanadoo.fr numericable.fr bbox.fr alice.it virgilio.it tiscali.it tin.it email.it
fastwebnet.it inwind.it iol.it wp.pl o2.pl onet.pl onet.eu interia.pl interia.eu op.pl
poczta.onet.pl gazeta.pl tlen.pl vp.pl buziaczek.pl email.cz post.cz centrum.cz centrum.sk
volny.cz azet.sk zoznam.sk freemail.hu citromail.hu indamail.hu abv.bg mail.bg dir.bg sapo.pt
mail.pt iol.pt telenet.be skynet.be proximus.be bluewin.ch sunrise.ch hispeed.ch ziggo.nl
kpnmail.nl planet.nl home.nl hetnet.nl xs4all.nl upcmail.nl chello.nl online.no telia.com spray.se
comhem.se bredband.net tele2.se mail.dk jubii.dk luukku.com suomi24.fi btinternet.com
btopenworld.com sky.com virginmedia.com talktalk.net ntlworld.com blueyonder.co.uk tiscali.co.uk
eircom.net comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net
earthlink.net juno.com netzero.net optonline.net roadrunner.com rr.com frontier.com windstream.net
centurylink.net embarqmail.com netscape.net excite.com lycos.com mindspring.com rogers.com
sympatico.ca shaw.ca telus.net videotron.ca bell.net bigpond.com bigpond.net.au optusnet.com.au
iinet.net.au tpg.com.au xtra.co.nz terra.com.br bol.com.br ig.com.br globo.com globomail.com
r7.com oi.com.br prodigy.net.mx speedy.com.ar fibertel.com.ar arnet.com.ar ciudad.com.ar vtr.net
qq.com foxmail.com vip.qq.com 163.com 126.com yeah.net vip.163.com sina.com sina.cn vip.sina.com
sohu.com aliyun.com 139.com 189.cn wo.cn 21cn.com tom.com naver.com daum.net hanmail.net nate.com
kakao.com docomo.ne.jp ezweb.ne.jp au.com softbank.ne.jp i.softbank.jp nifty.com biglobe.ne.jp
ocn.ne.jp rediffmail.com sify.com indiatimes.com vsnl.com pchome.com.tw hinet.net seed.net.tw
singnet.com.sg walla.co.il walla.com 012.net.il netvision.net.il bezeqint.net mynet.com
superonline.com mail.kz maktoob.com emirates.net.ae webmail.co.za mweb.co.za telkomsa.net
vodamail.co.za otenet.gr in.gr fastmail.com fastmail.fm fastmail.net fastmail.org fastmail.co.uk
fastmail.de fastmail.jp fastmail.to messagingengine.com sent.com hey.com tuta.com tuta.io
tutamail.com keemail.me mailfence.com posteo.de posteo.net mailbox.org runbox.com disroot.org
riseup.net autistici.org kolabnow.com startmail.com countermail.com ctemplar.com cock.li
airmail.cc skiff.com zohomail.com zohomail.eu zohomail.in hushmail.me lavabit.com mailo.com
netcourrier.com caramail.com onmail.com murena.io e.email
"""

FREE_MAIL: frozenset[str] = frozenset(_FREE_SINGLE.split()) | frozenset(
    f"{brand}.{suffix}" for brand, suffixes in _FREE_BRANDS.items() for suffix in suffixes.split()
)
"""Domains under which strangers open mailboxes: sharing one says nothing by itself."""

_ALIAS = """
simplelogin.com simplelogin.co simplelogin.fr simplelogin.io aleeas.com slmail.me slmails.com
silomails.com 8alias.com 8shield.net dralias.com passmail.net passmail.com passinbox.com
passfwd.com anonaddy.com anonaddy.me addymail.com mailer.me 4wrd.cc duck.com mozmail.com
relay.firefox.com privaterelay.appleid.com erine.email 33mail.com opayq.com sudomail.com cloaked.id
"""
_ALIAS_BY_SUBDOMAIN = """
anonaddy.com anonaddy.me mozmail.com simplelogin.com simplelogin.co simplelogin.fr aleeas.com
slmail.me 33mail.com erine.email
"""

PRIVACY_ALIAS: frozenset[str] = frozenset(_ALIAS.split())
"""Services that forward a private alias to a real mailbox. Privacy, not throw-away mail."""

ALIAS_CATCH_ALL: frozenset[str] = frozenset(_ALIAS_BY_SUBDOMAIN.split())
"""Alias services where everything under a user's own subdomain reaches that user."""

SAME_DOMAIN: dict[str, str] = {
    "googlemail.com": "gmail.com",
    "me.com": "icloud.com",
    "mac.com": "icloud.com",
    "pm.me": "proton.me",
    "protonmail.com": "proton.me",
    "protonmail.ch": "proton.me",
    "ya.ru": "yandex.com",
    **{f"yandex.{suffix}": "yandex.com" for suffix in _FREE_BRANDS["yandex"].split()},
}
"""Domains of one provider with one name space: the same local part is the same mailbox."""

IGNORED_CHARACTERS: dict[str, str] = {"gmail.com": "[.]", "proton.me": "[._-]"}
"""Characters without meaning in local parts, by canonical domain, as a class to remove."""

DOT_IS_HYPHEN: frozenset[str] = frozenset({"yandex.com"})
"""Providers where dot and hyphen are one character."""

HYPHEN_TAGS: frozenset[str] = frozenset(
    {"ymail.com", "rocketmail.com", "myyahoo.com"}
    | {f"yahoo.{suffix}" for suffix in _FREE_BRANDS["yahoo"].split()}
)
"""Providers whose tags follow a hyphen: names cannot hold one, disposable addresses do."""

SUBDOMAIN_ADDRESSING: frozenset[str] = frozenset(
    domain for domain in FREE_MAIL if domain.startswith("fastmail.")
) | {"sent.com"}
"""Providers where anything@user.provider reaches user@provider."""

RESERVED: frozenset[str] = frozenset({"example.com", "example.net", "example.org"})
"""Domains that documentation uses: nobody's, so the domain says nothing (RFC 2606)."""

EDUCATION_SUFFIX = r"^(?:edu|(?:edu|ac|sch)\.[a-z]{2}|k12\.[a-z]{2}\.us)$"
"""Public suffixes that registries keep for teaching; matched on the whole suffix only."""
