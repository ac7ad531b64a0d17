"""Hooks: signatures, secrets, and what is read out of providers' payloads."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import hook_payloads as sent
import pytest
from hook_payloads import OTHER, STANDARD, STRIPE, encoded, standard_headers, stripe_headers
from hypothesis import given
from hypothesis import strategies as st

from ringfinder.config import load
from ringfinder.errors import InputError
from ringfinder.model import Decision
from ringfinder.serve.errors import Unauthorised, Unprocessable
from ringfinder.serve.hooks import auth0, stripe, supabase, webhook
from ringfinder.serve.hooks.customers import Customers
from ringfinder.serve.hooks.payloads import read_json
from ringfinder.serve.hooks.record import Told, fitted
from ringfinder.serve.hooks.secrets import read_secrets
from ringfinder.serve.hooks.signatures import verify_standard, verify_stripe
from ringfinder.serve.rows import Outcome, Payment, Signup

BODY = b'{"type": "x", "data": {"\xc3\xa9": 1}}'
NOW = 1_772_360_000


def accepted(verify, secrets, headers, body=BODY, **options):
    try:
        verify(secrets, headers, body, **options)
    except Unauthorised:
        return False
    return True


class TestStandardSignature:
    def test_what_was_signed_with_the_secret_is_accepted(self):
        assert accepted(verify_standard, [STANDARD], standard_headers(BODY))

    @pytest.mark.parametrize("secrets", [[STANDARD, OTHER], [OTHER, STANDARD]])
    def test_while_a_secret_is_rotated_both_are_accepted(self, secrets):
        for secret in secrets:
            assert accepted(verify_standard, secrets, standard_headers(BODY, secret))

    @pytest.mark.parametrize("joiner", [" ", ", "])
    def test_of_several_signatures_one_is_enough_however_they_are_joined(self, joiner):
        headers = standard_headers(BODY, extra=[OTHER], joiner=joiner)
        assert accepted(verify_standard, [STANDARD], headers)

    @pytest.mark.parametrize("late", [-301, 301, -86_400])
    def test_outside_the_replay_window_nothing_is_accepted(self, late):
        headers = standard_headers(BODY, now=time.time() + late)
        assert not accepted(verify_standard, [STANDARD], headers)

    def test_another_body_another_id_or_another_secret_is_refused(self):
        headers = standard_headers(BODY)
        assert not accepted(verify_standard, [STANDARD], headers, BODY + b" ")
        assert not accepted(verify_standard, [STANDARD], headers | {"webhook-id": "msg_2"})
        assert not accepted(verify_standard, [OTHER], headers)

    @pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
    def test_without_one_of_the_headers_it_is_refused(self, missing):
        headers = standard_headers(BODY)
        del headers[missing]
        assert not accepted(verify_standard, [STANDARD], headers)

    @given(st.text(max_size=60), st.text(max_size=20), st.binary(max_size=40))
    def test_whatever_the_headers_hold_it_is_refused_and_nothing_breaks(self, mac, stamp, body):
        headers = {"webhook-id": "m", "webhook-timestamp": stamp, "webhook-signature": mac}
        assert not accepted(verify_standard, [STANDARD], headers, body)

    @pytest.mark.parametrize("late", [-290, 290])
    def test_inside_it_everything_is(self, late):
        assert accepted(verify_standard, [STANDARD], standard_headers(BODY, now=time.time() + late))


class TestStripeSignature:
    def check(self, headers, secrets=(STRIPE,), body=BODY, now=NOW):
        return accepted(verify_stripe, secrets, headers, body, now_s=now)

    def test_what_was_signed_with_the_secret_is_accepted(self):
        assert self.check(stripe_headers(BODY, now=NOW))

    def test_while_a_secret_is_rotated_both_are_accepted(self):
        assert self.check(stripe_headers(BODY, "whsec_new_one_0123456789abc", now=NOW),
                          (STRIPE, "whsec_new_one_0123456789abc"))  # fmt: skip

    @pytest.mark.parametrize(
        ("late", "fine"), [(300, True), (-300, True), (301, False), (-301, False)]
    )
    def test_the_tolerance_is_five_minutes_either_way(self, late, fine):
        assert self.check(stripe_headers(BODY, now=NOW), now=NOW + late) is fine

    def test_another_body_or_secret_is_refused(self):
        assert not self.check(stripe_headers(BODY, now=NOW), body=BODY + b"\n")
        assert not self.check(stripe_headers(BODY, "whsec_other", now=NOW))

    def test_an_older_scheme_is_no_signature(self):
        headers = stripe_headers(BODY, now=NOW)["stripe-signature"].replace("v1=", "v0=")
        assert not self.check({"stripe-signature": headers})

    def test_a_second_time_is_refused(self):
        headers = stripe_headers(BODY, now=NOW)["stripe-signature"]
        assert not self.check({"stripe-signature": f"{headers},t={NOW}"})

    @given(st.text(max_size=80))
    def test_whatever_the_header_holds_nothing_breaks(self, header):
        assert not self.check({"stripe-signature": header})


class TestSecrets:
    def test_they_come_from_settings_several_each(self, monkeypatch):
        monkeypatch.setenv("RINGFINDER_HOOK_SUPABASE_SECRET", f"v1,{STANDARD} v1,{OTHER}")
        monkeypatch.setenv("RINGFINDER_HOOK_STRIPE_SECRET", STRIPE)
        assert read_secrets(load()) == {"supabase": (STANDARD, OTHER), "stripe": (STRIPE,)}

    @pytest.mark.parametrize("prefix", ["", "whsec_", "v1,whsec_"])
    def test_one_without_its_padding_signs_as_well(self, monkeypatch, prefix):
        bare = STANDARD.removeprefix("whsec_").rstrip("=")
        monkeypatch.setenv("RINGFINDER_HOOK_SUPABASE_SECRET", prefix + bare)
        found = read_secrets(load())["supabase"]
        assert accepted(verify_standard, found, standard_headers(BODY))

    def test_or_from_a_file(self, tmp_path):
        path = tmp_path / "hooks.toml"
        path.write_text(f'auth0 = ["{STANDARD}"]\nwebhook = ["{OTHER}"]\n')
        found = read_secrets(load({"hook_secrets_file": str(path)}))
        assert found == {"auth0": (STANDARD,), "webhook": (OTHER,)}

    def test_not_from_both(self, tmp_path, monkeypatch):
        path = tmp_path / "hooks.toml"
        path.write_text(f'auth0 = ["{STANDARD}"]\n')
        monkeypatch.setenv("RINGFINDER_HOOK_AUTH0_SECRET", OTHER)
        with pytest.raises(InputError, match="keep one of them"):
            read_secrets(load({"hook_secrets_file": str(path)}))

    @pytest.mark.parametrize(
        "secret",
        [
            "whsec_",
            "opensesame",
            "whsec_" + "A" * 48,
            "whsec_c2hvcnQ=",
            "hunter2-hunter2",
            STANDARD[:-6] + "_-" + STANDARD[-4:],
            STANDARD + "A",
        ],
    )
    def test_a_weak_one_is_refused_and_not_shown(self, monkeypatch, secret):
        monkeypatch.setenv("RINGFINDER_HOOK_WEBHOOK_SECRET", secret)
        with pytest.raises(InputError, match="hook webhook is unusable") as error:
            read_secrets(load())
        assert secret not in str(error.value).replace("whsec_ and", "")

    @pytest.mark.parametrize(
        ("content", "says"),
        [("stripe = 3", "a list of secrets"), ("paypal = []", "there is not"), ("=", "not TOML")],
    )
    def test_a_file_that_is_none_is_a_sentence(self, tmp_path, content, says):
        path = tmp_path / "hooks.toml"
        path.write_text(content)
        with pytest.raises(InputError, match=says):
            read_secrets(load({"hook_secrets_file": str(path)}))

    def test_without_any_no_hook_is_set_up(self):
        assert read_secrets(load()) == {}


def decided(decision):
    return Told("e", decision, "One more step.")


class TestSupabase:
    def test_a_user_about_to_be_created_is_a_signup(self):
        row = fitted(Signup, supabase.to_signup(sent.supabase(), now="x"))
        assert (row.event_id, row.account_id) == (
            "8b34dcdd-0000", "5b0c6f3e-0000-4000-8000-000000000001",
        )  # fmt: skip
        assert (row.email, row.ip, row.phone) == ("ada.canary@example.org", "192.0.2.44", None)
        assert row.created_at == "2026-03-01T13:13:24.755552-07:00"

    def test_a_phone_number_gets_back_its_plus(self):
        fields = supabase.to_signup(sent.supabase(email="", phone="15551234567"), now="x")
        assert (fields["phone"], "email" in fields) == ("+15551234567", False)

    @pytest.mark.parametrize("decision", [Decision.ALLOW, Decision.REVIEW, Decision.CHALLENGE])
    def test_only_a_denial_refuses_the_registration(self, decision):
        assert supabase.to_answer(decided(decision)) == {}

    def test_a_denial_is_the_documented_error_and_says_no_more_than_may_be_told(self):
        assert supabase.to_answer(decided(Decision.DENY)) == {
            "error": {"http_code": 403, "message": "One more step."}
        }


class TestAuth0:
    def test_a_registration_is_an_attempt(self):
        row = fitted(Signup, auth0.to_signup(sent.auth0(), now="2026-03-01T00:00:00Z"))
        assert (row.attempt_id, row.account_id, row.event_id) == ("3f1e-1", "", "3f1e-1")
        assert (row.email, row.email_verified, row.ip) == (
            "grace@example.org", False, "198.51.100.7",
        )  # fmt: skip
        assert (row.country, row.user_agent, row.tls_fingerprint) == (
            "DE", "Mozilla/5.0", "t13d1516h2",
        )  # fmt: skip

    def test_afterwards_it_has_an_account(self):
        payload = {"event_id": "3f1e-1", "event": {"user": {"user_id": "auth0|5f7"}}}
        assert auth0.to_outcome(payload) == (
            "3f1e-1", {"outcome": "completed", "account_id": "auth0|5f7"},
        )  # fmt: skip

    def test_the_answer_is_decision_and_public_reason_alone(self):
        assert auth0.to_answer(decided(Decision.DENY)) == {
            "event_id": "e", "decision": "deny", "message": "One more step.",
        }  # fmt: skip


class TestStripe:
    @pytest.mark.parametrize(
        ("kind", "about"),
        [
            ("payment_method.attached", sent.payment_method()),
            ("payment_method.automatically_updated", sent.payment_method()),
            ("charge.succeeded", sent.charge(account_id="a1")),
            ("charge.failed", sent.charge()),
            (
                "customer.source.created",
                {"object": "card", "customer": "cus_Q1", "fingerprint": "Xt5EWLLDS7FJjR1c",
                 "metadata": {"account_id": "a1"}},
            ),
        ],
    )  # fmt: skip
    def test_events_that_show_a_card_are_payments(self, kind, about):
        event = sent.stripe(kind, about)
        row = fitted(Payment, stripe.to_payment(event, known={"cus_Q1": "a1"}))
        assert (row.event_id, row.account_id, row.payment_fingerprint) == (
            "evt_1PqA", "a1", "Xt5EWLLDS7FJjR1c",
        )  # fmt: skip
        assert row.occurred_at == 1_772_360_000

    @pytest.mark.parametrize(
        ("kind", "about"),
        [
            ("customer.created", sent.customer(account_id="a1")),
            ("payment_method.attached", sent.payment_method() | {"card": None}),
            ("payment_method.detached", sent.payment_method(owner=None)),
            ("invoice.paid", {"customer": "cus_Q1"}),
            ("charge.succeeded", sent.charge() | {"payment_method_details": None}),
            ("charge.succeeded", None),
            (None, []),
        ],
    )
    def test_events_that_show_none_are_not(self, kind, about):
        assert stripe.to_payment(sent.stripe(kind, about), known={}) is None

    def test_a_customer_that_was_named_is_the_account(self):
        event = sent.stripe("payment_method.attached", sent.payment_method())
        assert stripe.to_payment(event, known={"cus_Q1": "a7"})["account_id"] == "a7"

    def test_a_charge_that_names_the_account_itself_needs_no_customer(self):
        """A PaymentIntent's metadata is on its charges, those of guests at Checkout too."""
        event = sent.stripe("charge.succeeded", sent.charge(owner=None, account_id="a1"))
        assert stripe.to_payment(event, known={})["account_id"] == "a1"

    def test_whoever_pays_cannot_name_another_account(self):
        card = sent.payment_method(account_id="victim")  # Stripe.js takes it from the browser
        event = sent.stripe("payment_method.attached", card)
        assert stripe.to_payment(event, known={})["account_id"] == "cus_Q1"
        assert stripe.to_payment(event, known={"cus_Q1": "a7"})["account_id"] == "a7"
        link = {"customer": "cus_Q1", "payment_link": "plink_1", "client_reference_id": "victim"}
        assert stripe.to_link(sent.stripe("checkout.session.completed", link)) is None

    def test_one_that_nobody_named_is_an_account_of_its_own_name(self):
        event = sent.stripe("payment_method.attached", sent.payment_method())
        assert stripe.to_payment(event, known={})["account_id"] == "cus_Q1"

    def test_an_expanded_customer_is_understood(self):
        event = sent.stripe("charge.succeeded", sent.charge(owner={"id": "cus_Q9"}))
        assert stripe.customer_of(event) == "cus_Q9"

    @pytest.mark.parametrize(
        ("kind", "about", "link"),
        [
            ("customer.created", sent.customer(account_id="a1"), ("cus_Q1", "a1")),
            ("customer.updated", sent.customer(account_id="a2"), ("cus_Q1", "a2")),
            ("customer.deleted", sent.customer(), ("cus_Q1", None)),
            ("customer.created", sent.customer(), None),
            (
                "checkout.session.completed",
                {"customer": "cus_Q1", "client_reference_id": "a3"},
                ("cus_Q1", "a3"),
            ),
            ("charge.succeeded", sent.charge(account_id="a1"), None),
        ],
    )
    def test_events_tell_whose_customer_it_is(self, kind, about, link):
        found = stripe.to_link(sent.stripe(kind, about))
        assert found == (link and stripe.Link(*link, "evt_1PqA", 1_772_360_000))

    def test_the_checkout_of_a_guest_has_no_customer_to_name(self):
        guest = {"customer": None, "client_reference_id": "a3"}
        assert stripe.to_link(sent.stripe("checkout.session.completed", guest)) is None


def told(event_id, at_s=NOW):
    return {"event_id": event_id, "at_s": at_s}


class TestCustomers:
    def test_they_are_remembered_and_forgotten(self, tmp_path):
        customers = Customers(tmp_path)
        assert customers.find("cus_1") is None
        customers.put("cus_1", "a1", **told("evt_1"))
        customers.put("cus_1", "a2", **told("evt_2"))
        assert Customers(tmp_path).find("cus_1") == "a2"
        customers.put("cus_1", None, **told("evt_3"))
        assert customers.find("cus_1") is None

    def test_an_account_has_those_that_were_said_to_be_it(self, tmp_path):
        customers = Customers(tmp_path)
        assert customers.of("a1") == []
        for number, account in enumerate(("a1", "a2", "a1")):
            customers.put(f"cus_{number}", account, **told(f"evt_{number}"))
        assert sorted(customers.of("a1")) == ["cus_0", "cus_2"]
        customers.erase("a1")
        assert customers.of("a1") == []

    def test_what_is_old_enough_to_forget_is_found_without_a_look_at_all(self, tmp_path):
        customers = Customers(tmp_path)
        customers.put("cus_1", "a1", **told("evt_1"))
        with closing(sqlite3.connect(customers.path)) as database:
            for table in ("told", "newest"):
                plan = database.execute(f"EXPLAIN QUERY PLAN DELETE FROM {table} WHERE at_s < 1")
                assert f"INDEX {table}_at" in str(plan.fetchall())

    def test_an_event_that_is_delivered_again_has_no_second_effect(self, tmp_path):
        customers = Customers(tmp_path)
        customers.put("cus_1", "a1", **told("evt_1"))
        customers.put("cus_1", "a2", **told("evt_2"))
        customers.put("cus_1", "a1", **told("evt_1"))
        assert customers.find("cus_1") == "a2"
        customers.erase("a2")
        customers.put("cus_1", "a2", **told("evt_2"))
        assert customers.find("cus_1") is None

    def test_of_two_events_the_newer_counts_in_whatever_order_they_come(self, tmp_path):
        customers = Customers(tmp_path)
        customers.put("cus_1", "new", **told("evt_updated", NOW))
        customers.put("cus_1", "old", **told("evt_created", NOW - 60))
        assert customers.find("cus_1") == "new"
        customers.put("cus_1", "newer", **told("evt_again", NOW + 1))
        assert customers.find("cus_1") == "newer"

    @pytest.mark.parametrize("created_s", [NOW - 60, NOW])
    def test_one_that_was_deleted_does_not_come_back(self, tmp_path, created_s):
        customers = Customers(tmp_path)
        customers.put("cus_1", None, **told("evt_deleted", NOW))
        customers.put("cus_1", "gone", **told("evt_created", created_s))
        assert customers.find("cus_1") is None
        customers.put("cus_2", "a2", **told("evt_later", NOW + 32 * 86_400))
        assert b"cus_1" not in customers.path.read_bytes()

    def test_a_table_of_before_is_gone_on_with(self, tmp_path):
        customers = Customers(tmp_path)
        customers.put("cus_1", "a1", **told("evt_1"))
        with closing(sqlite3.connect(customers.path)) as before:
            before.execute("DROP TABLE newest")
        customers.put("cus_1", "a2", **told("evt_2", NOW + 1))
        customers.put("cus_1", "a1", **told("evt_3"))
        assert customers.find("cus_1") == "a2"

    def test_what_was_delivered_is_remembered_for_a_month_and_no_longer(self, tmp_path):
        customers = Customers(tmp_path)
        customers.put("cus_1", "a1", **told("evt_1", NOW))
        customers.put("cus_2", "a2", **told("evt_2", NOW + 30 * 86_400))
        customers.put("cus_1", "other", **told("evt_1", NOW))
        assert customers.find("cus_1") == "a1"
        customers.put("cus_2", "a2", **told("evt_3", NOW + 32 * 86_400))
        assert b"evt_1" not in customers.path.read_bytes()

    def test_an_erased_account_is_gone_from_the_bytes(self, tmp_path):
        customers = Customers(tmp_path)
        customers.put("cus_canary", "account-canary", **told("evt_1"))
        customers.put("cus_1", "a1", **told("evt_2"))
        customers.put("account-canary", None, **told("evt_3"))  # that nobody had named
        assert customers.erase("account-canary") == 1
        assert b"canary" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert customers.find("cus_1") == "a1"


class TestGeneric:
    def test_a_signup_takes_the_messages_id_and_time(self):
        payload = {
            "type": "signup", "timestamp": "2026-03-01T00:00:00Z", "data": {"account_id": "a1"},
        }  # fmt: skip
        event_id, row = webhook.to_row(payload, webhook_id="msg_9")
        assert (event_id, row.event_id, row.created_at) == (
            "msg_9", "msg_9", "2026-03-01T00:00:00Z",
        )  # fmt: skip

    def test_what_the_row_says_itself_goes_first(self):
        data = {"account_id": "a1", "occurred_at": "2026-03-02T00:00:00Z", "event_id": "u1"}
        payload = {"type": "login", "timestamp": "2026-03-01T00:00:00Z", "data": data}
        assert webhook.to_row(payload, webhook_id="m")[1].occurred_at == "2026-03-02T00:00:00Z"

    def test_an_outcome_names_its_signup(self):
        payload = {
            "type": "signup.outcome", "timestamp": "2026-03-01T00:00:00Z",
            "data": {"event_id": "e1", "outcome": "completed"},
        }  # fmt: skip
        event_id, row = webhook.to_row(payload, webhook_id="m")
        assert (event_id, type(row), row.outcome) == ("e1", Outcome, "completed")
        assert row.occurred_at == "2026-03-01T00:00:00Z"

    @pytest.mark.parametrize(
        "payload", [{}, {"type": "x"}, {"type": ["signup"]}, {"type": "signup.outcome", "data": 3}]
    )
    def test_anything_else_is_a_sentence(self, payload):
        with pytest.raises(Unprocessable):
            webhook.to_row(payload, webhook_id="m")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["metadata", "user", "event", "request", "geoip", "data", "object", "card", "customer",
             "type", "id", "email", "security_context", "payment_method_details", "account_id"]
        ),
        inner, max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


class TestHostilePayloads:
    @given(
        st.dictionaries(st.sampled_from(["metadata", "user", "event", "data", "type"]), anything)
    )
    def test_no_payload_breaks_a_reader(self, payload):
        supabase.to_signup(payload, now="x")
        auth0.to_signup(payload, now="x")
        auth0.to_outcome(payload)
        stripe.to_link(payload)
        stripe.to_payment(payload, known={})

    def test_a_field_that_no_row_can_hold_is_left_out(self):
        fields = supabase.to_signup(sent.supabase(email="x" * 5000, phone="a\x00b"), now="x")
        assert "email" not in fields
        assert "phone" not in fields
        wrong = supabase.to_signup(sent.supabase(), now="x") | {
            "created_at": "2026-03-01T00:00:00Z"
        }
        assert fitted(Signup, wrong | {"ip": 3}).ip is None

    @pytest.mark.parametrize("body", [b"", b"[]", b"3", b"\xff", b"{", b"[" * 50_000])
    def test_what_is_no_object_is_a_sentence(self, body):
        with pytest.raises(Unprocessable, match="not a JSON object"):
            read_json(body)

    def test_an_object_is_read(self):
        assert read_json(encoded({"a": 1})) == {"a": 1}


@pytest.mark.parametrize("created", [10**400, -1, 1 << 60, True, "now"])
def test_a_time_of_stripes_that_no_time_can_be_is_none(created):
    assert stripe._time(created) is None


def test_an_outcome_of_an_event_id_that_is_no_text_is_refused():
    payload = {"type": "signup.outcome", "data": {"event_id": "\ud800", "outcome": "denied"}}
    with pytest.raises(Unprocessable, match="names the event_id"):
        webhook.to_row(payload, webhook_id="m-1")
