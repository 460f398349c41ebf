"""How the Kafka client is set up from settings, and what its faults mean."""

from __future__ import annotations

from pathlib import Path

import kafka.errors
import pytest
from kafka import KafkaConsumer

from tests.support.certificates import Authority
from worker import settings
from worker.errors import ConfigError
from worker.ingest import client
from worker.ingest.client import Timing

SERVERS = {"INNERLOOP_KAFKA_BOOTSTRAP_SERVERS": "a:1,b:2"}


def options(**values: str) -> dict[str, object]:
    env = SERVERS | {f"INNERLOOP_KAFKA_{name.upper()}": value for name, value in values.items()}
    return client.options(settings.load(env), Timing())


def test_a_broker_that_stands_still_is_left_long_before_the_group_gives_us_up() -> None:
    found = options()
    silence, session = found["request_timeout_ms"], found["session_timeout_ms"]
    assert isinstance(silence, int)
    assert isinstance(session, int)
    assert 3 * silence <= session


def test_the_client_decides_nothing_about_offsets() -> None:
    found = options()
    assert found["auto_offset_reset"] == "none"
    assert found["enable_auto_commit"] is False
    assert found["isolation_level"] == "read_committed"
    assert found["bootstrap_servers"] == ["a:1", "b:2"]


def test_every_option_is_one_the_client_knows() -> None:
    every = options(
        security_protocol="SASL_SSL", sasl_mechanism="PLAIN", sasl_username="u", sasl_password="p", ssl_cafile="c",
        ssl_certfile="d", ssl_keyfile="e", ssl_key_password="f", api_version="2.3",
    )  # fmt: skip
    assert every["api_version"] == (2, 3)
    assert set(every) <= set(KafkaConsumer.DEFAULT_CONFIG)


@pytest.mark.parametrize("lacking", ["sasl_mechanism", "sasl_username", "sasl_password"])
def test_half_a_sign_in_names_the_setting_that_lacks(lacking: str) -> None:
    given = {"sasl_mechanism": "PLAIN", "sasl_username": "u", "sasl_password": "p"}
    given.pop(lacking)
    with pytest.raises(ConfigError, match=f"INNERLOOP_KAFKA_{lacking.upper()} is not set"):
        options(security_protocol="SASL_SSL", **given)


def test_an_api_version_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="API_VERSION"):
        options(api_version="new")


def test_certificate_files_are_checked_before_any_broker_is_asked(tmp_path: Path) -> None:
    good, broken = Authority(tmp_path / "ca"), tmp_path / "broken.pem"
    broken.write_text("no certificate")
    cases = {str(tmp_path / "absent.pem"): "cannot be read", str(broken): "no usable PEM"}
    for path, says in cases.items():
        env = SERVERS | {"INNERLOOP_KAFKA_SECURITY_PROTOCOL": "SSL", "INNERLOOP_KAFKA_SSL_CAFILE": path}
        with pytest.raises(ConfigError, match=rf"INNERLOOP_KAFKA_SSL_CAFILE names .* {says}"):
            client.check_certificates(settings.load(env))
    pair = good.issue("worker")
    env = SERVERS | {"INNERLOOP_KAFKA_SECURITY_PROTOCOL": "SSL", "INNERLOOP_KAFKA_SSL_CAFILE": str(good.cert)}
    env |= {"INNERLOOP_KAFKA_SSL_CERTFILE": str(pair.cert), "INNERLOOP_KAFKA_SSL_KEYFILE": str(pair.key)}
    client.check_certificates(settings.load(env))


@pytest.mark.parametrize(
    ("line", "says", "fatal"),
    [
        ("[Error 58] SaslAuthenticationFailedError: Invalid username or password", "password is wrong", True),
        ("Handshake failed: [SSL: CERTIFICATE_VERIFY_FAILED] self-signed", "SSL_CAFILE", True),
        ("Connection failed: 111 ECONNREFUSED", "nothing listens there", False),
        ("KafkaConnectionError: socket disconnected", "hangs up", False),
        ("UNEXPECTED_EOF_WHILE_READING", "does not speak TLS", False),
        ("something else", "does not answer", False),
    ],
)
def test_the_cause_of_a_failed_start_comes_from_the_clients_log(line: str, says: str, fatal: bool) -> None:
    error = kafka.errors.KafkaTimeoutError("Unable to bootstrap")
    sentence, is_fatal = client.explain(error, ["noise", line], settings.load(SERVERS))
    assert says in sentence
    assert "a:1, b:2" in sentence
    assert is_fatal is fatal


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (kafka.errors.FencedInstanceIdError(), "group instance id"),
        (kafka.errors.GroupAuthorizationFailedError("the-group"), 'group "the-group"'),
        (kafka.errors.TopicAuthorizationFailedError({"b", "a"}), "a, b"),
        (kafka.errors.ClusterAuthorizationFailedError(), "refuses us"),
        (kafka.errors.UnsupportedCodecError("Libraries for lz4 compression codec not found"), "lz4"),
    ],
)
def test_what_going_on_would_not_mend_ends_the_process_with_a_sentence(error: Exception, says: str) -> None:
    found = client.fatal(error)
    assert found is not None
    assert says in str(found)


@pytest.mark.parametrize("error", [kafka.errors.KafkaTimeoutError(), kafka.errors.CommitFailedError(), OSError()])
def test_everything_else_is_waited_for(error: Exception) -> None:
    assert client.fatal(error) is None


def test_the_packages_of_all_codecs_are_installed() -> None:
    assert client.missing_packages() == []
