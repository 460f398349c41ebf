"""Process settings: the only reader of the environment.

Each field is one setting: `INNERLOOP_<NAME>` in the environment, `<name>` in innerloop.toml (or the file that
INNERLOOP_CONFIG names). A secret may also come as `INNERLOOP_<NAME>_FILE`. The environment wins over the file.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from worker.errors import ConfigError

PREFIX = "INNERLOOP_"
SECRETS = frozenset(
    {
        "heartbeat_url",
        "kafka_sasl_password", "kafka_ssl_key_password", "sendgrid_api_key", "slack_app_token", "slack_bot_token",
        "slack_signing_secret", "smtp_url", "secret_keys", "store_url",
    }
)  # fmt: skip
_AGE = re.compile(r"(\d+)\s*(minute|hour|day|week)s?")
_MOST_DIGITS = 6
_MIN_KEY_LENGTH = 32
_LEAST = {
    "keep_responses": (timedelta(days=90), "rules look 90 days back"),
    "keep_notices": (timedelta(days=30), "messages of work that is opened again are found by it"),
}

Commas = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """All settings, checked. Field descriptions become the reference in the docs."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", validate_default=True)

    store_url: SecretStr = Field(
        SecretStr("sqlite:///innerloop.db"), description="SQLite file or PostgreSQL, e.g. postgresql://user@host/name."
    )
    rules_dir: Path | None = Field(
        None, description="Rule files. Default: ./rules if it is there, else the shipped set."
    )
    templates_dir: Path | None = Field(
        None, description="Message templates. Default: ./templates if it is there, else the shipped ones."
    )

    kafka_bootstrap_servers: Commas = Field(
        (), description="host:port, by comma. Needed by the role consume, and by nothing else."
    )
    kafka_topics: Commas = Field(("feedback.responses",), description="Topics to read, by comma.")
    kafka_group_id: str = Field("innerloop", description="Consumer group. The same for every replica.")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to talk to the brokers."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="For SASL_PLAINTEXT and SASL_SSL."
    )
    kafka_sasl_username: str | None = Field(None, description="For SASL.")
    kafka_sasl_password: SecretStr | None = Field(None, description="For SASL.")
    kafka_ssl_cafile: Path | None = Field(None, description="PEM file with the authorities to trust.")
    kafka_ssl_certfile: Path | None = Field(None, description="PEM file with the client's certificate.")
    kafka_ssl_keyfile: Path | None = Field(None, description="PEM file with the client's key.")
    kafka_ssl_key_password: SecretStr | None = Field(None, description="For an encrypted key file.")
    kafka_api_version: str | None = Field(
        None, description="Broker version such as 2.3, for brokers that cannot be asked. Default: ask."
    )
    kafka_events_topic: str | None = Field(
        None,
        description="Where the survey tool hears, as CloudEvents, of loops that were closed with the customer: it may "
        "ask once more. Unset: nobody hears.",
    )
    kafka_max_poll_records: int = Field(1000, ge=1, le=10_000, description="Most records in one batch.")

    sendgrid_api_key: SecretStr | None = Field(None, description="Mail goes by SendGrid when this is set.")
    sendgrid_host: str = Field("https://api.sendgrid.com", description="URL of the API.")
    smtp_url: SecretStr | None = Field(
        None,
        description="smtp://user:pass@host:587 (STARTTLS, unless ?starttls=false) or smtps://host:465. "
        "Used when no SendGrid key is set.",
    )
    email_from: str | None = Field(None, description="Name <address> of our mails. Needed by both kinds of mail.")

    slack_bot_token: SecretStr | None = Field(None, description="xoxb-…, with chat:write.")
    slack_app_token: SecretStr | None = Field(None, description="xapp-…, for Socket Mode.")
    slack_signing_secret: SecretStr | None = Field(None, description="Checks clicks that come over HTTP.")
    slack_base_url: str = Field("https://slack.com/api/", description="Must end in /api/.")

    http_listen: str = Field("127.0.0.1:8080", description="host:port of health, metrics and pages. Port 0: any free.")
    public_url: str | None = Field(None, description="How people reach http_listen. No message links to it yet.")
    secret_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description="By comma, newest first, each at least 32 characters. Signs links, keys hashes, seals records.",
    )

    ops_channels: Commas = Field(
        (), description="slack:#cx-ops,email:ops@example.com: each is tried until one accepts. Unset: log only."
    )
    heartbeat_url: SecretStr | None = Field(
        None,
        description="URL of a watcher outside, asked for once a minute by the role schedule while everything works. "
        "The watcher calls somebody when that stops.",
    )
    alert_max_age: Annotated[timedelta | None, NoDecode] = Field(
        timedelta(days=7), description="Responses older than this open nothing when first read; off: no limit."
    )
    keep_responses: Annotated[timedelta | None, NoDecode] = Field(
        timedelta(days=730),
        description="How long the words and the person of a response are kept after it was read and its follow-up "
        "ended. At least 90 days, since rules look that far back; off: for ever.",
    )
    keep_notices: Annotated[timedelta | None, NoDecode] = Field(
        timedelta(days=180),
        description="How long it is kept to which address a notice went, and how each attempt ended. At least 30 days; "
        "off: for ever.",
    )
    senders: int = Field(4, ge=1, le=64, description="Most sends in flight per process.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    log_format: Literal["json", "console"] = Field("json", description="json for machines, console for people.")

    @field_validator("kafka_bootstrap_servers", "kafka_topics", "ops_channels", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return _by_comma(value)

    @field_validator("secret_keys", mode="before")
    @classmethod
    def _keys(cls, value: object) -> object:
        keys = _by_comma(value)
        for n, key in enumerate(keys if isinstance(keys, tuple) else (), 1):
            if len(key) < _MIN_KEY_LENGTH:
                raise ValueError(f"key {n} has {len(key)} characters; each needs at least {_MIN_KEY_LENGTH}")
        return keys

    @field_validator("alert_max_age", "keep_responses", "keep_notices", mode="before")
    @classmethod
    def _age(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        text = value.strip().lower()
        if text == "off":
            return None
        match = _AGE.fullmatch(text)
        if not match:
            raise ValueError(f'cannot read "{value}". Write: 7 days, 12 hours, or off')
        if len(match[1]) > _MOST_DIGITS:
            raise ValueError(f'"{value}" is longer than anything lasts. Write: 7 days, 12 hours, or off')
        return timedelta(**{f"{match[2]}s": int(match[1])})

    @field_validator("keep_responses", "keep_notices")
    @classmethod
    def _long_enough(cls, value: timedelta | None, info: ValidationInfo) -> timedelta | None:
        least, why = _LEAST[str(info.field_name)]
        if value is not None and value < least:
            raise ValueError(f'"{value.days} days" is too short: {why}. Write {least.days} days or more, or off')
        return value

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("ops_channels")
    @classmethod
    def _known_channel(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            if not re.fullmatch(r"(slack|email):\S+", entry):
                raise ValueError(f'cannot read "{entry}". Write: slack:#channel or email:name@example.com')
        return value

    @field_validator("slack_base_url")
    @classmethod
    def _api(cls, value: str) -> str:
        if not value.endswith("/api/"):
            raise ValueError(f'"{value}" must end in /api/')
        return value

    @field_validator("email_from")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and "@" not in parseaddr(value)[1]:
            raise ValueError(f'"{value}" has no address. Write: Name <name@example.com>')
        return value

    @field_validator("heartbeat_url")
    @classmethod
    def _web_address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"https?://[^\s/]+\S*", value.get_secret_value()):
            raise ValueError("it is no URL. Write https://…, as the watcher gives it")
        return value

    @field_validator("http_listen")
    @classmethod
    def _listen(cls, value: str) -> str:
        if not re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}", value):
            raise ValueError(f'cannot read "{value}". Write host:port, such as 127.0.0.1:8080')
        return value

    @model_validator(mode="after")
    def _mail_needs_a_sender(self) -> Settings:
        if (self.sendgrid_api_key or self.smtp_url) and not self.email_from:
            raise ValueError(f"{PREFIX}EMAIL_FROM is not set, and mail cannot be sent without it")
        return self

    @model_validator(mode="after")
    def _events_need_brokers(self) -> Settings:
        if self.kafka_events_topic and not self.kafka_bootstrap_servers:
            raise ValueError(f"{PREFIX}KAFKA_BOOTSTRAP_SERVERS is not set, and {PREFIX}KAFKA_EVENTS_TOPIC needs it")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what load() hands in: one place decides the precedence."""
        return (init_settings,)


def load(env: Mapping[str, str] | None = None) -> Settings:
    """Read environment and file. Raises ConfigError naming the setting, the value and the fix."""
    env = os.environ if env is None else env
    try:
        return Settings(**_gather(env))
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None


def unknown_variables(env: Mapping[str, str] | None = None) -> list[str]:
    """`INNERLOOP_*` variables that are no setting: warned about, since Kubernetes injects some."""
    env = os.environ if env is None else env
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    known |= {f"{PREFIX}{name.upper()}_FILE" for name in SECRETS} | {PREFIX + "CONFIG"}
    return sorted(name for name in env if name.startswith(PREFIX) and name not in known)


def origins(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Where each value comes from: the name of its variable, the file's name, or `default`."""
    env = os.environ if env is None else env
    in_file = _from_file(env)
    return {name: _origin(name, env, in_file) for name in Settings.model_fields}


def _origin(name: str, env: Mapping[str, str], in_file: Mapping[str, Any]) -> str:
    variable = PREFIX + name.upper()
    if env.get(variable, "") != "":
        return variable
    if f"{variable}_FILE" in env and name in SECRETS:
        return f"{variable}_FILE"
    return env.get(PREFIX + "CONFIG", "innerloop.toml") if name in in_file else "default"


def environment_for(config: Path) -> dict[str, str]:
    """An environment for a child process that takes its settings from `config` and from nowhere else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return {**kept, PREFIX + "CONFIG": str(config)}


def _gather(env: Mapping[str, str]) -> dict[str, Any]:
    values = _from_file(env)
    for name in Settings.model_fields:
        variable = PREFIX + name.upper()
        if f"{variable}_FILE" in env and name in SECRETS:
            values[name] = _read_secret(f"{variable}_FILE", env[f"{variable}_FILE"])
        if env.get(variable, "") != "":
            values[name] = env[variable]
    return values


def _from_file(env: Mapping[str, str]) -> dict[str, Any]:
    path = Path(env.get(PREFIX + "CONFIG", "innerloop.toml"))
    if not path.exists():
        if PREFIX + "CONFIG" in env:
            raise ConfigError(f"{PREFIX}CONFIG names {path}, which is not there.")
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    for key in list(values):
        secret = key.removesuffix("_file")
        if key not in Settings.model_fields and secret in SECRETS:
            values[secret] = _read_secret(f"{path}: {key}", str(values.pop(key)))
        elif key not in Settings.model_fields:
            near = difflib.get_close_matches(key, Settings.model_fields, n=1)
            hint = f' Did you mean "{near[0]}"?' if near else ""
            raise ConfigError(f'{path}: unknown key "{key}".{hint}')
    return values


def _read_secret(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name} names {path}, which cannot be read: {getattr(error, 'strerror', error)}.") from None


def _by_comma(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(value) if isinstance(value, list) else value


def _explain(error: ValidationError) -> str:
    return "\n".join(_sentence(dict(problem)) for problem in error.errors())


def _sentence(problem: dict[str, Any]) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    if not problem["loc"]:
        return f"{message}."
    name = str(problem["loc"][0])
    shown = "" if name in SECRETS or '"' in message else f' ("{problem.get("input")}")'
    return f"{PREFIX}{name.upper()}{shown}: {message}."
