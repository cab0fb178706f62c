"""Every word in three languages."""

from __future__ import annotations

import re

import pytest

from b2b_orders.portal import catalogues

# `{n}` is filled in by scripts.
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w*\}|</?\w+")


@pytest.mark.parametrize("language", ["pt_BR", "es"])
def test_every_text_has_words(language):
    assert catalogues.missing(catalogues.update(language)) == []


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_catalogue_has_what_the_source_has(language):
    known = {message.id for message in catalogues.read(language) if message.id}
    in_source = {found.id for found in catalogues.messages()}

    assert known == in_source


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_compiled_catalogue_is_fresh(language):
    path = catalogues.po_path(language)

    assert path.with_suffix(".mo").read_bytes() == catalogues.compiled(catalogues.read(language))


@pytest.mark.parametrize("language", ["pt_BR", "es"])
def test_translations_fill_in_the_same_values(language):
    for message in catalogues.read(language):
        if not message.id:
            continue
        source = message.id if isinstance(message.id, tuple) else (message.id,)
        words = message.string if isinstance(message.string, tuple) else (message.string,)
        for text in words:
            assert set(PLACEHOLDER.findall(text)) == set(PLACEHOLDER.findall(source[-1])), text


@pytest.mark.parametrize("language", ["pt_BR", "es"])
def test_no_word_is_a_guess_and_each_plural_has_all_its_forms(language):
    catalog = catalogues.read(language)

    assert [message.id for message in catalog if message.fuzzy] == []
    assert [
        message.id
        for message in catalog
        if isinstance(message.id, tuple) and len(message.string) != catalog.num_plurals
    ] == []
    assert catalog.num_plurals == 2


@pytest.mark.parametrize("language", ["pt_BR", "es"])
def test_words_keep_the_spaces_and_the_end_of_their_source(language):
    odd = [
        (source, words)
        for message in catalogues.read(language)
        if message.id
        for source, words in zip(texts(message.id), texts(message.string), strict=True)
        if edges(source) != edges(words)
    ]

    assert odd == []


def texts(value):
    return value if isinstance(value, tuple) else (value,)


def edges(text):
    """What is glued to what stands before and after: a space, a colon, the end of a sentence."""
    ending = text[-1:] if text[-1:] in {":", "?", ".", "…"} or text[-1:].isspace() else ""
    return text[:1].isspace(), ending


def test_texts_of_a_template_are_found():
    template = (
        '{% load i18n %}<p>it\'s {% translate "One" %} {% blocktranslate count n=n %}{{ n }} day'
        "{% plural %}{{ n }} days{% endblocktranslate %}</p>{% blocktranslate %}Two {{ x }}"
        "{% endblocktranslate %}"
    )

    assert list(catalogues.in_template(template)) == [
        "One",
        ("%(n)s day", "%(n)s days"),
        "Two %(x)s",
    ]
