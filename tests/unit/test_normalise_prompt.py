"""Prompts: the skeleton, the bands, and nothing of the text."""

import pyarrow as pa
import pytest
from raw_world import column

from ringfinder.normalise.prompt import BANDS, HEAD, are_bands, prompt_bands, skeletons

TEMPLATE = "You are a strict grader. Compare the answer with the reference and return a score"


def skeleton(text):
    return skeletons(column(text))[0].as_py()


def bands(text):
    return prompt_bands(column(text))[0].as_py()


class TestSkeleton:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Please  WRITE\na poem!", "please write a poem"),
            ("Order 66 of 2026-03-01", "order # of #"),
            ('Translate "le chat" please', "translate # please"),
            ("Translate “le chat” and «le chien»", "translate # and #"),
            ("Run `rm -rf` or ```\ncode\n``` now", "run # or # now"),
            ("See https://a.b/c?d=e or www.f.g/h.", "see # or #"),
            ("token sk-" + "a" * 40 + " here", "token sk # here"),
            ("ids a1 b2 c3, d4", "ids #"),
            ("don't stop", "don t stop"),
            ("５ Ｃａｔｓ", "# cats"),
            ("E\u0301te\u0301", "été"),
            ("请写一首诗", "请 写 一 首 诗"),
            ("42", "#"),
            ("...", ""),
            ("", ""),
        ],
    )
    def test_it_keeps_the_words_and_masks_the_rest(self, text, expected):
        assert skeleton(text) == expected

    def test_null_stays_null(self):
        assert skeleton(None) is None

    def test_of_a_long_text_both_ends_are_read(self):
        text = "start " + "filler " * HEAD + "end"
        found = skeleton(text)
        assert found.startswith("start filler")
        assert found.endswith("filler end")
        assert len(found) <= 2 * HEAD + 1


class TestBands:
    def test_a_text_has_four(self):
        found = bands(TEMPLATE)
        assert [band[:3] for band in found] == ["b0:", "b1:", "b2:", "b3:"]
        assert len(found) == BANDS
        assert all(len(band) == 19 for band in found)

    def test_they_never_change(self):
        """Stored bands must stay comparable: a change here is a new version of the normaliser."""
        assert bands("Please write a short poem about the sea and the moon") == [
            "b0:6adf5d05d1c93512",
            "b1:076a0d85396b5ac8",
            "b2:c9a23f6dfcd7e0b1",
            "b3:35c6397c9ecfc0c3",
        ]

    def test_what_is_filled_in_does_not_matter(self):
        one = bands(TEMPLATE + ' of 17 for "Paris", see https://x.example/1')
        two = bands(TEMPLATE.upper() + ' of 9 for "Rome", see http://y.example/2')
        assert one == two

    def test_a_changed_word_leaves_most_texts_a_band_in_common(self):
        words = TEMPLATE.split()
        variants = [" ".join([*words[:i], "carefully", *words[i:]]) for i in range(len(words))]
        sharing = sum(bool(set(bands(v)) & set(bands(TEMPLATE))) for v in variants)
        assert sharing >= len(variants) // 2

    def test_other_texts_share_none(self):
        other = "Write a friendly letter to my landlord about the broken heating in the kitchen"
        assert not set(bands(TEMPLATE)) & set(bands(other))

    @pytest.mark.parametrize(
        "text", [None, "", "hi", "hello there", "thank you so", "1 2 3 4 5", "!!!", "ok " * 3]
    )
    def test_a_greeting_says_nothing(self, text):
        assert bands(text) is None

    def test_rows_stay_where_they_are(self):
        found = prompt_bands(column("hi", TEMPLATE, None, "x y z w", TEMPLATE)).to_pylist()
        assert [row is None for row in found] == [True, False, True, False, False]
        assert found[1] == found[4]

    def test_no_rows_give_no_rows(self):
        found = prompt_bands(column())
        assert len(found) == 0
        assert found.type == pa.list_(pa.string())

    def test_large_strings_are_read_alike(self):
        large = pa.array([TEMPLATE], pa.large_string())
        assert prompt_bands(large).to_pylist() == [bands(TEMPLATE)]


class TestBandColumns:
    def test_a_column_of_bands_is_known_as_one(self):
        assert are_bands(column("b0:0123456789abcdef", None, "b3:0123456789abcdef"))

    @pytest.mark.parametrize(
        "values", [[], ["b0:0123456789abcdef", "write me a poem"], ["b0:0123"]]
    )
    def test_text_among_them_makes_it_text(self, values):
        assert not are_bands(column(*values))
