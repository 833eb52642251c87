"""Every setting, read from ``UNBIND_*`` variables or a ``.env`` file, nowhere else."""

from datetime import date, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from unbind_broker.base.durations import parse_duration, parse_rate
from unbind_broker.base.errors import BrokerError
from unbind_broker.base.network_guard import UrlPolicy
from unbind_broker.base.working_days import WorkingTime

LONGEST_REQUEST = 0.7
"""The part of a lease that one request may take: leases are renewed after a fifth of
their time, and a tenth is kept as a margin."""


class SettingsWrong(BrokerError):
    """A setting cannot be used."""

    code = "settings-wrong"
    title = "A setting cannot be used"


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _durations(value: object) -> object:
    if isinstance(value, str):
        return tuple(parse_duration(part) for part in value.split(","))
    return value


def _rate(value: object) -> object:
    return parse_rate(value) if isinstance(value, str) else value


def _words(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _networks(value: object) -> object:
    if isinstance(value, str):
        return tuple(
            ip_network(part.strip()) for part in value.split(",") if part.strip()
        )
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(gt=timedelta(0))]
Durations = Annotated[
    tuple[timedelta, ...], NoDecode, BeforeValidator(_durations), Field(min_length=1)
]
Pause = Annotated[timedelta, BeforeValidator(_duration), Field(ge=timedelta(0))]
Rate = Annotated[float, BeforeValidator(_rate), Field(gt=0)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
Networks = Annotated[
    tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)
]


def _seconds(*values: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=value) for value in values)


class Settings(BaseSettings):
    """The settings of one process. Durations are written ``10m``, rates ``100/s``."""

    model_config = SettingsConfigDict(
        env_prefix="UNBIND_", env_file=".env", extra="ignore", frozen=True
    )

    database_url: SecretStr | None = None
    data_dir: Path | None = None
    secret_keys: SecretStr | None = None
    index_key: SecretStr | None = None
    signing_key: SecretStr | None = None
    timezone: str = "Asia/Shanghai"
    region: str = "CN"
    query_deadline: Duration = timedelta(minutes=10)
    query_validity: Duration = timedelta(minutes=10)
    open_orders_per_number: int = Field(default=20, ge=1)
    order_working_days: int = Field(default=5, ge=1, le=60)
    order_deadline: Duration | None = None
    undo_window: Duration = timedelta(hours=24)
    sandbox_deadline: Duration = timedelta(minutes=5)
    freeze: Duration = timedelta(days=90)
    join_window: Duration = timedelta(days=30)
    brake_share: float = Field(default=0.02, gt=0, le=1)
    brake_least: int = Field(default=5, ge=1)
    consent_max_age: Duration = timedelta(hours=24)
    ported_in_since: date = date(2021, 1, 1)
    retry_plan: Durations = _seconds(5, 300, 1800, 7200, 18000, 36000, 43200)
    query_retry_plan: Durations = _seconds(1, 2, 5, 10, 30, 60)
    request_timeout: Duration = timedelta(seconds=10)
    lease: Duration = timedelta(seconds=20)
    breaker_pause: Duration = timedelta(seconds=30)
    disable_after: Duration = timedelta(days=5)
    retention: Duration = timedelta(days=180)
    idempotency_retention: Duration = timedelta(hours=48)
    scan_interval: Duration = timedelta(seconds=1)
    mend_interval: Duration = timedelta(minutes=3)
    seal_interval: Duration = timedelta(seconds=1)
    update_interval: Duration = timedelta(seconds=30)
    refusals_per_day: int = Field(default=10_000, ge=1)
    clearance_numbers: int = Field(default=1_000_000, ge=1, le=5_000_000)
    open_clearances: int = Field(default=200, ge=1)
    clearance_draft_kept: Duration = timedelta(days=7)
    clearance_first_wave: int = Field(default=1000, ge=1)
    clearance_wave_pause: Duration = timedelta(hours=1)
    clearance_stop_share: float = Field(default=0.01, gt=0, le=1)
    manifest_page: int = Field(default=5000, ge=1, le=5000)
    release_blocking_categories: Words = ("payment", "bank", "telecom", "government")
    carrier_rate: Rate = 100.0
    carrier_burst: int = Field(default=500, ge=1)
    serve_processes: int = Field(default=1, ge=1)
    failed_keys_rate: Rate = 5.0
    failed_keys_burst: int = Field(default=200, ge=1)
    trusted_proxies: Networks = (ip_network("127.0.0.1"), ip_network("::1"))
    max_in_flight: int = Field(default=64, ge=1)
    accept_target: Duration = timedelta(milliseconds=500)
    max_connections: int = Field(default=10_000, ge=16)
    watchers: int = Field(default=2000, ge=1)
    carrier_watchers: int = Field(default=1000, ge=1)
    waiters: int = Field(default=5000, ge=1)
    drain_notice: Pause = timedelta(seconds=3)
    liveness_limit: Duration = timedelta(minutes=5)
    database_pool: int = Field(default=16, ge=2)
    database_read_pool: int = Field(default=8, ge=1)
    allow_private_endpoints: bool = False
    allowed_private_networks: Networks = ()
    log_format: Literal["auto", "text", "json"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    traces_endpoint: str | None = None
    traces_headers: SecretStr | None = None
    traces_ratio: float = Field(default=1.0, ge=0, le=1)

    @field_validator("database_url")
    @classmethod
    def _async_driver(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        scheme, separator, rest = value.get_secret_value().partition("://")
        if not separator or scheme.split("+")[0] not in {"postgres", "postgresql"}:
            raise ValueError("expected postgresql://user:password@host/database")
        return SecretStr(f"postgresql+asyncpg://{rest}")

    @field_validator("traces_endpoint")
    @classmethod
    def _collector(cls, value: str | None) -> str | None:
        if not value:
            return None
        url = urlsplit(value)
        if url.scheme not in {"http", "https"} or not url.hostname or url.username:
            raise ValueError("expected http://host:4318/v1/traces, and no user in it")
        return value

    @field_validator("traces_headers")
    @classmethod
    def _readable_head(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _read_head(value.get_secret_value())
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"no time zone is called {value!r}") from error
        return value

    @model_validator(mode="after")
    def _lease_outlasts_request(self) -> Self:
        longest = self.lease * LONGEST_REQUEST
        if self.request_timeout > longest:
            raise ValueError(
                f"UNBIND_REQUEST_TIMEOUT is {self.request_timeout.total_seconds():g}s; "
                f"a lease of {self.lease.total_seconds():g}s (UNBIND_LEASE) allows at "
                f"most {longest.total_seconds():g}s, so that it outlasts each request"
            )
        return self

    @property
    def zone(self) -> ZoneInfo:
        """Return the broker's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def working_time(self) -> WorkingTime:
        """Say how long platforms have for an order."""
        return WorkingTime(self.order_working_days, self.zone, self.order_deadline)

    def working_time_for(self, *, sandbox: bool) -> WorkingTime:
        """Say how long they have for an order, or for one that is rehearsed."""
        if not sandbox:
            return self.working_time
        short = min(self.sandbox_deadline, self.order_deadline or self.sandbox_deadline)
        return WorkingTime(self.order_working_days, self.zone, short)

    @property
    def sandbox_pause(self) -> timedelta:
        """Say how long a rehearsal holds orders, and later waves, back."""
        return self.sandbox_deadline / 10

    @property
    def traces_head(self) -> dict[str, str]:
        """Return what the collector of traces is sent beside them, such as a key."""
        told = self.traces_headers
        return {} if told is None else _read_head(told.get_secret_value())

    @property
    def url_policy(self) -> UrlPolicy:
        """Say how far the guard opens in this installation."""
        return UrlPolicy(
            allowed_networks=self.allowed_private_networks,
            allow_private=self.allow_private_endpoints,
        )


def _read_head(text: str) -> dict[str, str]:
    """Read ``name=value,name=value``."""
    fields = [part.partition("=") for part in text.split(",") if part.strip()]
    if not all(name.strip() and found for name, found, _ in fields):
        raise ValueError("expected name=value,name=value")
    return {name.strip().lower(): value.strip() for name, _, value in fields}


def load_settings() -> Settings:
    """Read the settings; a wrong one is a ``SettingsWrong`` that names it."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = "".join(f"UNBIND_{part}".upper() for part in first["loc"][:1])
        message = first["msg"].removeprefix("Value error, ")
        raise SettingsWrong(f"{name}: {message}" if name else message) from None
