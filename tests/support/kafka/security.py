"""A second, secured listener: TLS, client certificates, SASL (PLAIN and SCRAM), access control lists.

The plain listener stays open for the test itself and may do everything; what is under test comes through the
secured one, as the user it signs in as, and may do what the lists allow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.support.certificates import Authority, KeyPair

_LOGIN = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}
_SECURE = "listener.name.secure."


@dataclass(slots=True)
class Security:
    """How clients must come in. `users` are names and passwords; with `acl` only what was granted is allowed."""

    directory: Path
    protocol: Literal["SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "SASL_SSL"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    users: Mapping[str, str] = field(default_factory=lambda: {"innerloop": "correct-horse"})
    client_certificates: bool = False
    acl: bool = False
    authority: Authority = field(init=False)
    server: KeyPair = field(init=False)

    def __post_init__(self) -> None:
        self.authority = Authority(self.directory)
        self.server = self.authority.issue("broker")

    @property
    def tls(self) -> bool:
        return self.protocol.endswith("SSL")

    @property
    def sasl(self) -> bool:
        return self.protocol.startswith("SASL")

    def server_properties(self) -> dict[str, str]:
        return {**self._tls(), **self._sasl(), **self._acl()}

    def _tls(self) -> dict[str, str]:
        if not self.tls:
            return {}
        return {
            f"{_SECURE}ssl.keystore.type": "PEM",
            f"{_SECURE}ssl.keystore.location": str(self.server.both),
            f"{_SECURE}ssl.truststore.type": "PEM",
            f"{_SECURE}ssl.truststore.location": str(self.authority.cert),
            f"{_SECURE}ssl.client.auth": "required" if self.client_certificates else "none",
        }

    def _sasl(self) -> dict[str, str]:
        if not self.sasl:
            return {}
        known = " ".join(f'user_{name}="{password}"' for name, password in self.users.items())
        options = known if self.mechanism == "PLAIN" else ""
        return {
            "sasl.enabled.mechanisms": self.mechanism,
            f"{_SECURE}sasl.enabled.mechanisms": self.mechanism,
            f"{_SECURE}{self.mechanism.lower()}.sasl.jaas.config": f"{_LOGIN[self.mechanism]} required {options};",
        }

    def _acl(self) -> dict[str, str]:
        if not self.acl:
            return {}
        return {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",  # who comes through the plain listener
            "allow.everyone.if.no.acl.found": "false",
        }

    def scram_arguments(self) -> list[str]:
        """For `StorageTool format`: the users, written into the first metadata."""
        if not self.sasl or self.mechanism == "PLAIN":
            return []
        return [
            part
            for name, password in self.users.items()
            for part in ("--add-scram", f"{self.mechanism}=[name={name},password={password}]")
        ]

    def settings(self, user: str = "innerloop", **changes: str) -> dict[str, str]:
        """What a worker needs to come in: INNERLOOP_KAFKA_* without the servers. `changes` spoil it on purpose."""
        values: dict[str, str] = {"SECURITY_PROTOCOL": self.protocol}
        if self.tls:
            values["SSL_CAFILE"] = str(self.authority.cert)
        if self.client_certificates:
            pair = self.authority.issue(user)
            values |= {"SSL_CERTFILE": str(pair.cert), "SSL_KEYFILE": str(pair.key)}
        if self.sasl:
            values |= {"SASL_MECHANISM": self.mechanism, "SASL_USERNAME": user, "SASL_PASSWORD": self.users[user]}
        values |= {name.upper(): value for name, value in changes.items()}
        return {f"INNERLOOP_KAFKA_{name}": value for name, value in values.items()}

    def principal(self, user: str) -> str:
        """As access control lists name the user."""
        return f"User:{user}" if self.sasl else f"User:CN={user}"
