"""Mail domains and their classes."""

import re

import pytest
from raw_world import column

from ringfinder.normalise import DomainClass, DomainLists, domain_class, domains, providers


@pytest.fixture(params=["few", "many"])
def path(request, monkeypatch):
    if request.param == "many":
        monkeypatch.setattr(domains, "FEW", 0)
    return request.param


def class_of(host, lists=None):
    return DomainClass(domain_class(column(host), lists)[0])


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("gmail.com", "FREE_MAIL"),
        ("yahoo.co.jp", "FREE_MAIL"),
        ("joe.fastmail.com", "FREE_MAIL"),
        ("mailinator.com", "DISPOSABLE"),
        ("x.yopmail.com", "DISPOSABLE"),
        ("duck.com", "PRIVACY_ALIAS"),
        ("privaterelay.appleid.com", "PRIVACY_ALIAS"),
        ("relay.firefox.com", "PRIVACY_ALIAS"),
        ("joe.anonaddy.com", "PRIVACY_ALIAS"),
        ("appleid.com", "CUSTOM"),
        ("firefox.com", "CUSTOM"),
        ("mit.edu", "EDUCATION"),
        ("cs.ox.ac.uk", "EDUCATION"),
        ("anu.edu.au", "EDUCATION"),
        ("school.k12.ca.us", "EDUCATION"),
        ("corp.com", "CUSTOM"),
        ("corp.ac", "CUSTOM"),  # the country, not the word
        ("myedu.com", "CUSTOM"),
        ("ac.corp.com", "CUSTOM"),
        ("cheap.ac.shop", "CUSTOM"),
        ("notgmail.com", "CUSTOM"),
        ("gmail.com.evil.net", "CUSTOM"),
        ("example.org", "UNKNOWN"),
        ("corp.example", "CUSTOM"),
    ],
)
def test_a_domain_has_the_class_of_who_runs_it(host, expected, path):
    assert class_of(host).name == expected


def test_no_host_has_no_class(path):
    assert domain_class(column(None)).tolist() == [DomainClass.UNKNOWN]


@pytest.mark.parametrize("host", sorted(providers.PRIVACY_ALIAS))
def test_an_alias_service_is_never_disposable(host):
    assert class_of(host) is DomainClass.PRIVACY_ALIAS


class TestOperatorLists:
    def test_own_domains_are_added_to_the_bundled_ones(self, path):
        lists = DomainLists.bundled(disposable=["Throw.Example."], education=["eth-campus.example"])
        assert class_of("throw.example", lists) is DomainClass.DISPOSABLE
        assert class_of("lab.eth-campus.example", lists) is DomainClass.EDUCATION
        assert class_of("gmail.com", lists) is DomainClass.FREE_MAIL

    def test_an_exception_shows_before_every_list(self, path):
        assert (
            class_of("mailinator.com", DomainLists.bundled(custom=["mailinator.com"]))
            is DomainClass.CUSTOM
        )

    def test_the_most_specific_entry_decides(self, path):
        lists = DomainLists.bundled(custom=["staff.gmail.com"])
        assert class_of("staff.gmail.com", lists) is DomainClass.CUSTOM
        assert class_of("x.staff.gmail.com", lists) is DomainClass.CUSTOM
        assert class_of("other.gmail.com", lists) is DomainClass.FREE_MAIL


class TestBundledLists:
    def test_they_are_tidy(self):
        for listed in (providers.FREE_MAIL, providers.PRIVACY_ALIAS, providers.RESERVED):
            assert all(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", name) for name in listed)

    def test_no_domain_is_in_two_of_ours(self):
        assert not providers.FREE_MAIL & providers.PRIVACY_ALIAS

    def test_every_rule_is_about_a_listed_provider(self):
        known = providers.FREE_MAIL | providers.PRIVACY_ALIAS
        assert set(providers.SAME_DOMAIN) <= providers.FREE_MAIL
        assert set(providers.SAME_DOMAIN.values()) <= providers.FREE_MAIL
        assert set(providers.IGNORED_CHARACTERS) <= providers.FREE_MAIL
        assert known >= providers.ALIAS_CATCH_ALL
        assert (
            known
            >= providers.SUBDOMAIN_ADDRESSING | providers.HYPHEN_TAGS | providers.DOT_IS_HYPHEN
        )

    def test_a_name_space_has_one_domain_that_stays_itself(self):
        for home in providers.SAME_DOMAIN.values():
            assert providers.SAME_DOMAIN.get(home, home) == home
