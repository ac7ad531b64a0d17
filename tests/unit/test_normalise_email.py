"""Addresses: mailbox, domain, pattern."""

import pytest
from raw_world import column

from ringfinder.normalise import DomainClass, DomainLists
from ringfinder.normalise.email import (
    canonical_email_domain,
    canonical_email_pattern,
    canonical_mailbox,
    read_emails,
)


def mailbox(address):
    return canonical_mailbox(column(address))[0].as_py()


class TestMailbox:
    @pytest.mark.parametrize(
        ("typed", "reaches"),
        [
            # Gmail: dots and tags, two domains
            ("J.o.e+shop@Gmail.com", "joe@gmail.com"),
            ("joe@googlemail.com", "joe@gmail.com"),
            # tags at the others
            ("joe+a@outlook.com", "joe@outlook.com"),
            ("jo.e+a@outlook.com", "jo.e@outlook.com"),
            ("joe+a+b@fastmail.com", "joe@fastmail.com"),
            ("joe+a@corp.com", "joe@corp.com"),
            ("+a@corp.com", "+a@corp.com"),
            # Yahoo: hyphens begin a tag
            ("joe-shop@yahoo.com", "joe@yahoo.com"),
            ("joe-shop@yahoo.co.uk", "joe@yahoo.co.uk"),
            ("joe-shop+x@ymail.com", "joe@ymail.com"),
            ("joe-shop@gmx.de", "joe-shop@gmx.de"),
            # providers with several names and one name space
            ("joe+x@me.com", "joe@icloud.com"),
            ("joe@mac.com", "joe@icloud.com"),
            ("j.o-e_x+t@protonmail.com", "joex@proton.me"),
            ("joe@pm.me", "joe@proton.me"),
            ("jo.e@ya.ru", "jo-e@yandex.com"),
            ("jo-e@yandex.ru", "jo-e@yandex.com"),
            # subdomain addressing
            ("anything@joe.fastmail.com", "joe@fastmail.com"),
            ("shop@joe.anonaddy.com", "*@joe.anonaddy.com"),
            ("abc123@duck.com", "abc123@duck.com"),
            # different people
            ("joe@yahoo.com", "joe@yahoo.com"),
            ("joe@hotmail.com", "joe@hotmail.com"),
            ("j.oe@corp.com", "j.oe@corp.com"),
            ("joe@mail.corp.com", "joe@mail.corp.com"),
        ],
    )
    def test_the_provider_s_rules_decide(self, typed, reaches):
        assert mailbox(typed) == reaches
        assert mailbox(reaches) == reaches

    @pytest.mark.parametrize(
        ("typed", "reaches"),
        [
            (" Joe@Corp.COM ", "joe@corp.com"),
            ("Joe Doe <Joe@Corp.com>", "joe@corp.com"),
            ("mailto:joe@corp.com", "joe@corp.com"),
            ("ｊｏｅ＠ｃｏｒｐ．ｃｏｍ", "joe@corp.com"),
            ("joe@BÜCHER.de", "joe@xn--bcher-kva.de"),
            ("joe@xn--bcher-kva.de", "joe@xn--bcher-kva.de"),
            ("jürgen@corp.com", "jürgen@corp.com"),
            ("ju\u0308rgen@corp.com", "jürgen@corp.com"),
            ("иван@почта.рф", "иван@xn--80a1acny.xn--p1ai"),
        ],
    )
    def test_addresses_are_read_as_people_type_them(self, typed, reaches):
        assert mailbox(typed) == reaches

    @pytest.mark.parametrize(
        "typed",
        [
            "joe", "joe@", "@corp.com", "joe@corp", "joe@localhost", "joe@corp..com",
            "joe@-corp.com",
            "joe@corp.test", "joe@corp.local", "joe@corp.invalid", "joe@x.onion", "joe@[8.8.8.8]",
            "joe smith@corp.com", "a@b@c.com", ".joe@corp.com", "joe.@corp.com", "jo..e@corp.com",
            '"joe"@corp.com.', "joe@corp.c0m1", "joe@8.8.8.8", "joe@" + "a" * 64 + ".com",
            "a" * 250 + "@corp.com",
            "joe@xn--zz.com--", "joe\u202e@corp.com", "=HYPERLINK(1)", "unknown", "n/a",
        ],
    )  # fmt: skip
    def test_what_is_no_address_says_nothing(self, typed):
        assert mailbox(typed) is None

    @pytest.mark.parametrize(
        "typed",
        ["test@example.com", "TEST1@test.com", "none@none.com", "user@example.org",
         "noreply@domain.com", "no-reply@yourdomain.com"],
    )  # fmt: skip
    def test_addresses_out_of_manuals_say_nothing(self, typed):
        assert mailbox(typed) is None

    def test_a_person_at_a_documentation_domain_is_a_mailbox_without_domain(self):
        read = read_emails(column("zoe.w@example.com"))
        assert read.mailbox.to_pylist() == ["zoe.w@example.com"]
        assert read.domain.to_pylist() == [None]
        assert read.pattern.to_pylist() == [None]
        assert read.classes.tolist() == [DomainClass.UNKNOWN]


class TestDomain:
    @pytest.mark.parametrize(
        ("address", "domain"),
        [
            ("a@mail.corp.co.uk", "corp.co.uk"),
            ("a@corp.com", "corp.com"),
            ("a@x.mailinator.com", "mailinator.com"),
            ("a@cs.mit.edu", "mit.edu"),
            ("a@shop.github.io", "shop.github.io"),
            ("a@ring.eu.org", "ring.eu.org"),
            ("a@eu.org", "eu.org"),
            ("a@deep.city.kobe.jp", "city.kobe.jp"),
            ("a@a.b.unheardof", "b.unheardof"),
            ("a@bücher.de", "xn--bcher-kva.de"),
        ],
    )
    def test_it_is_what_somebody_registered(self, address, domain):
        assert canonical_email_domain(column(address)).to_pylist() == [domain]

    @pytest.mark.parametrize(
        "address",
        ["a@gmail.com", "a@joe.fastmail.com", "a@duck.com", "a@privaterelay.appleid.com",
         "a@x.simplelogin.com"],
    )  # fmt: skip
    def test_free_mail_and_aliases_say_nothing(self, address):
        assert canonical_email_domain(column(address)).to_pylist() == [None]

    def test_the_provider_is_named_whatever_its_class(self):
        read = read_emails(column("a@googlemail.com", "a@x.duck.com", "a@m.corp.com", "nobody"))
        assert read.provider.to_pylist() == ["gmail.com", "duck.com", "corp.com", None]


class TestPattern:
    @pytest.mark.parametrize(
        ("address", "pattern"),
        [
            ("john.smith1984@gmail.com", "a.a#4@gmail.com"),
            ("John_S-7@outlook.com", "a_a-#1@outlook.com"),
            ("j.o.e+tag9@googlemail.com", "a.a.a+a#1@gmail.com"),
            ("иван42@почта.рф", "a#2@custom"),
            ("x001@corp.com", "a#3@custom"),
            ("x001@mailinator.com", "a#3@disposable"),
            ("x001@mit.edu", "a#3@education"),
            ("x001@duck.com", "a#3@privacy_alias"),
            ("12345678901234@qq.com", "#9@qq.com"),
            ("a1b2c3d4e5f6@gmail.com", "mixed#8@gmail.com"),
            ("a1b2c3d4e5f6a1b2c3d4e5f6@gmail.com", "mixed#24@gmail.com"),
        ],
    )
    def test_it_is_the_shape_and_the_provider(self, address, pattern):
        assert canonical_email_pattern(column(address)).to_pylist() == [pattern]

    def test_it_is_coarse(self):
        people = [
            f"{name}{n}@gmail.com" for name in ("ann", "bob", "zoltan") for n in range(10, 100)
        ]
        assert set(canonical_email_pattern(column(*people)).to_pylist()) == {"a#2@gmail.com"}


class TestDetails:
    def test_digits_are_counted_in_the_local_part_alone(self):
        read = read_emails(column("a1b22@corp9.com", "joe@corp.com", "x٣@corp.com", "nope"))
        assert read.digits.tolist() == [3, 0, 1, -1]

    def test_a_tag_or_ignored_dots_make_a_variant(self):
        typed = [
            "j.oe@gmail.com",
            "joe+a@corp.com",
            "joe@gmail.com",
            "j.oe@corp.com",
            "joe@me.com",
            "x",
        ]
        read = read_emails(column(*typed))
        assert read.variant.tolist() == [True, True, False, False, False, False]

    def test_the_address_is_kept_apart_from_the_mailbox(self):
        read = read_emails(column("J.oe+A@GoogleMail.com"))
        assert read.address.to_pylist() == ["j.oe+a@googlemail.com"]

    def test_an_operator_s_lists_are_asked(self):
        lists = DomainLists.bundled(privacy_alias=["hide.corp.com"], free_mail=["campus.example"])
        read = read_emails(column("a@hide.corp.com", "a@corp.com", "a@campus.example"), lists)
        assert read.classes.tolist() == [
            DomainClass.PRIVACY_ALIAS,
            DomainClass.CUSTOM,
            DomainClass.FREE_MAIL,
        ]
        assert read.domain.to_pylist() == [None, "corp.com", None]
