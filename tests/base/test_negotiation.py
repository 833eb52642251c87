import pytest

from unbind_broker.base.negotiation import language, media_type

FORMS = ("application/jose", "text/html")
LANGUAGES = ("zh", "en")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "application/jose"),
        ("", "application/jose"),
        ("*/*", "application/jose"),
        ("text/*", "text/html"),
        ("TEXT/HTML", "text/html"),
        ("text/html;level=1", "text/html"),
        ("text/html, application/jose", "application/jose"),
        ("text/html;q=0.9, application/jose;q=0.8", "text/html"),
        ("text/html;q=0.1, */*;q=0.9", "application/jose"),
        ("text/html;q=0.9, */*;q=0.1", "text/html"),
        ("application/jose;q=0, */*;q=0.5", "text/html"),
        ("application/*;q=0.2, text/*;q=0.3", "text/html"),
        ("text/html;q=0", "application/jose"),
        ("text/html;q=5", "application/jose"),
        ("text/html;q=nan", "application/jose"),
        ("image/png", "application/jose"),
        (",;,;q=,=", "application/jose"),
    ],
)
def test_the_form_is_the_one_liked_best(accept: str | None, chosen: str) -> None:
    assert media_type(accept, FORMS) == chosen


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "zh"),
        ("*", "zh"),
        ("en", "en"),
        ("en-GB, en;q=0.9", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.5,zh-CN;q=0.9", "zh"),
        ("fr-FR, en;q=0.1", "en"),
        ("de", "zh"),
        ("zh;q=0, *", "en"),
        ("english", "zh"),
    ],
)
def test_the_language_is_the_one_liked_best(accept: str | None, chosen: str) -> None:
    assert language(accept, LANGUAGES) == chosen
