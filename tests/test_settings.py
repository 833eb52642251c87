"""Settings: read from the environment, refused in words."""

from datetime import timedelta

import pytest

from unbind_broker.settings import SettingsWrong, load_settings


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> pytest.MonkeyPatch:
    monkeypatch.chdir(str(tmp_path))
    return monkeypatch


def test_defaults_are_those_of_the_contract(environment: pytest.MonkeyPatch) -> None:
    del environment
    settings = load_settings()
    assert settings.query_deadline == timedelta(minutes=10)
    assert settings.order_working_days == 5
    assert settings.undo_window == timedelta(hours=24)
    assert settings.lease == timedelta(seconds=20)
    assert settings.request_timeout == timedelta(seconds=10)
    assert settings.carrier_rate == 100
    assert [delay.total_seconds() for delay in settings.retry_plan] == [
        5, 300, 1800, 7200, 18000, 36000, 43200,
    ]  # fmt: skip
    assert str(settings.zone) == "Asia/Shanghai"


def test_words_of_the_environment_are_understood(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("UNBIND_RETRY_PLAN", "500ms, 2s,1m")
    environment.setenv("UNBIND_CARRIER_RATE", "600/m")
    environment.setenv("UNBIND_ALLOWED_PRIVATE_NETWORKS", "10.0.0.0/8, fd00::/8")
    environment.setenv("UNBIND_DATABASE_URL", "postgres://u:pa55word@db/broker")
    settings = load_settings()
    assert settings.retry_plan == (
        timedelta(milliseconds=500),
        timedelta(seconds=2),
        timedelta(minutes=1),
    )
    assert settings.carrier_rate == 10
    assert [str(network) for network in settings.allowed_private_networks] == [
        "10.0.0.0/8",
        "fd00::/8",
    ]
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value().startswith("postgresql+asyncpg://")
    assert "pa55word" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("UNBIND_LEASE", "soon", "UNBIND_LEASE: expected a duration"),
        ("UNBIND_LEASE", "5s", "UNBIND_LEASE"),
        ("UNBIND_TIMEZONE", "Mars/Olympus", "UNBIND_TIMEZONE: no time zone"),
        ("UNBIND_CARRIER_RATE", "fast", "UNBIND_CARRIER_RATE: expected a rate"),
        ("UNBIND_RETRY_PLAN", "1s,later", "UNBIND_RETRY_PLAN: expected a duration"),
        ("UNBIND_DATABASE_URL", "mysql://x", "UNBIND_DATABASE_URL: expected postgres"),
        ("UNBIND_ORDER_WORKING_DAYS", "0", "UNBIND_ORDER_WORKING_DAYS"),
    ],
)
def test_wrong_setting_is_named(
    environment: pytest.MonkeyPatch, name: str, value: str, complaint: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsWrong) as caught:
        load_settings()
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_lease_must_outlast_a_request(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("UNBIND_LEASE", "3s")
    environment.setenv("UNBIND_REQUEST_TIMEOUT", "2s")
    assert load_settings().lease == timedelta(seconds=3)
    environment.setenv("UNBIND_REQUEST_TIMEOUT", "2.2s")
    with pytest.raises(SettingsWrong, match="UNBIND_REQUEST_TIMEOUT"):
        load_settings()
