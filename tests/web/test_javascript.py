"""Scripts without what only people read: they do the same, whatever is in their texts."""

import pytest

from qa_service.web.javascript import split_script, tighten_script
from tests.adversary import STATIC


@pytest.mark.parametrize(
    ("script", "tight"),
    [
        ("const a = 1; // one\n/* two */ const b = 2;\n", "const a=1;const b=2;\n"),
        ('const a = "/* a */ // b";\n', 'const a="/* a */ // b";\n'),
        ("const a = 'it\\'s  // here';\n", "const a='it\\'s  // here';\n"),
        ('const a = /[/*]  \\/"/g.test(b);\n', 'const a=/[/*]  \\/"/g.test(b);\n'),
        ("const a = b / c / d; // '\n", "const a=b/c/d;\n"),
        ("const a = (b) / 2 / `c`;\n", "const a=(b)/2/`c`;\n"),
        ("a = `b  ${ { c: `d  ${ e }  //` } }  \n  /* f */`;\n", "a=`b  ${{c:`d  ${e}  //`}}  \n  /* f */`;\n"),
        ("a = b + +c - -d + ++e;\n", "a=b+ +c- -d+ ++e;\n"),
        ("return /a  b/;\n", "return/a  b/;\n"),
        ("class A { static #b = 1; get c() { return this.#b; } }\n", "class A{static #b=1;get c(){return this.#b;}}\n"),
        ("a()\nb()\n\n[c] = d\n", "a()\nb()\n[c]=d\n"),
        ("a = b /* one\ntwo */ c\n", "a=b\nc\n"),
        ("const 이름 = { 가 : 1 }\n", "const 이름={가:1}\n"),
    ],
)
def test_only_comments_and_spaces_that_separate_nothing_are_left_out(script: str, tight: str) -> None:
    assert tighten_script(script) == tight


@pytest.mark.parametrize("script", ["a = `b", "a = `${b", "a = `${b}", "a = `b${`c`"])
def test_a_text_without_an_end_is_refused(script: str) -> None:
    with pytest.raises(ValueError, match="no end"):
        tighten_script(script)


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.js")), ids=lambda path: path.name)
def test_what_is_tight_stays_as_it_is(path: object) -> None:
    tight = tighten_script(path.read_text())  # type: ignore[attr-defined]
    assert tighten_script(tight) == tight
    assert not [part for part in split_script(tight) if part.startswith("//")]
