"""The settings table: every setting of ringfinder, declared once.

The class below is the table: name, type, bounds, unit, default and meaning. Flags, the
variables ``RINGFINDER_*``, ``ringfinder.toml`` and the README are derived from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ByteSize, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ringfinder.config.rows import (
    ANALYSIS,
    BACKUP,
    LOCAL,
    NIGHTLY,
    PREFIX,
    SERVE,
    STORE,
    SettingRow,
    row_of,
    setting,
)
from ringfinder.config.values import (
    MIB,
    PASSPHRASE_LENGTH,
    PEPPER_LENGTH,
    ADirectory,
    AFile,
    Memory,
    Passphrase,
    Pepper,
    Region,
    WebAddress,
)
from ringfinder.errors import InputError


class Settings(BaseSettings):
    """What a person may set. Immutable; `config.load` makes one."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    seed: int = setting(
        0, "Starts every random choice; the same seed gives the same files.",
        kind="whole number", bounds="at least 0", ge=0, lt=1 << 32,
    )  # fmt: skip
    threads: int | None = setting(
        None, "How many processor cores reading the files may use; all of them if not set. "
        "Changes no result.",
        kind="whole number", bounds="at least 1", unit="cores", ge=1, le=1024,
    )  # fmt: skip
    memory_limit: Memory = setting(
        ByteSize(2048 * MIB),
        "What reading the files may hold in memory; beyond it, it goes to temp_dir.",
        kind="size", bounds="at least 256MiB", unit="bytes, or with a unit such as 4GiB",
    )  # fmt: skip
    temp_dir: ADirectory | None = setting(
        None, "Where files bigger than memory are spilt; the system's directory if not set.",
        kind="path of a directory",
    )  # fmt: skip
    pepper: Pepper | None = setting(
        None, "The secret key of the pseudonyms, such as `openssl rand -hex 32` makes. "
        "Never a flag: other users could read it there.",
        kind="secret", bounds=f"at least {PEPPER_LENGTH} characters",
    )  # fmt: skip
    pepper_file: AFile | None = setting(
        None, "A file that holds the pepper, in place of `pepper`, white space around it dropped.",
        kind="path of a file",
    )  # fmt: skip
    pepper_version: int = setting(
        1, "Which pepper this is; part of every pseudonym, so that two peppers never mix.",
        kind="whole number", bounds="at least 1", ge=1, le=9999,
    )  # fmt: skip
    default_region: Region | None = setting(
        None, "The country of phone numbers written without a country code.",
        kind="country code", bounds="two letters, ISO 3166-1",
    )  # fmt: skip
    asn_list: AFile | None = setting(
        None, "CSV of networks and the number of the autonomous system each belongs to.",
        kind="path of a file",
    )  # fmt: skip
    vpn_list: AFile | None = setting(
        None, "Networks of VPN services, one a line, or systems such as AS64500.",
        kind="path of a file",
    )  # fmt: skip
    hosting_list: AFile | None = setting(
        None, "Networks of hosting providers, written likewise.", kind="path of a file",
    )  # fmt: skip
    carrier_list: AFile | None = setting(
        None, "Networks where a carrier puts many subscribers behind one address.",
        kind="path of a file",
    )  # fmt: skip
    clear_values: bool = setting(
        False, "Write the values themselves into evidence.parquet and the report, not pseudonyms.",
        kind="yes or no",
    )  # fmt: skip
    fdr: float = setting(
        0.01, "The share of published rings that may be chance.",
        kind="number", bounds="between 0 and 1", unit="share", gt=0, lt=1,
    )  # fmt: skip

    data_dir: Path = setting(
        Path("ringfinder-data"),
        "Where `load` and `serve` keep events, keys, snapshots and the embedded store.",
        kind="path of a directory", part=STORE,
    )  # fmt: skip
    store: str | None = setting(
        None, "Where the graph is kept: `embedded:PATH`, or the address of a Neo4j such as "
        "`neo4j://localhost:7687`; graph.duckdb in data_dir if not set.",
        kind="address", part=STORE,
    )  # fmt: skip
    neo4j_user: str = setting(
        "neo4j", "The user to log in to Neo4j as.", kind="name", part=STORE, min_length=1,
    )  # fmt: skip
    neo4j_password: SecretStr | None = setting(
        None, "The password of that user. Never a flag: other users could read it there.",
        kind="secret", part=STORE,
    )  # fmt: skip
    neo4j_password_file: AFile | None = setting(
        None, "A file that holds the password, in place of `neo4j_password`.",
        kind="path of a file", part=STORE,
    )  # fmt: skip
    neo4j_allow_plain: bool = setting(
        False, "Send password and graph unencrypted to a Neo4j on another host, as is usual "
        "inside one private network only.",
        kind="yes or no", part=STORE,
    )  # fmt: skip

    browser_url: WebAddress | None = setting(
        None, "Where Neo4j Browser is, such as `http://127.0.0.1:7474/browser/`: nightly reports "
        "and `explore` then carry links that open a ring there.",
        kind="address", bounds="http:// or https://", part=STORE,
    )  # fmt: skip

    host: str = setting(
        "127.0.0.1", "The address the API listens on.", kind="address", part=SERVE, min_length=1,
    )  # fmt: skip
    port: int = setting(
        8000, "The port the API listens on; 0 takes a free one, and says which.",
        kind="whole number", bounds="0 to 65535", part=SERVE, ge=0, le=65535,
    )  # fmt: skip
    workers: int = setting(
        1, "How many processes answer requests.",
        kind="whole number", bounds="1 to 64", part=SERVE, ge=1, le=64,
    )  # fmt: skip
    deadline_ms: int = setting(
        80, "How long a sign-up waits to be recorded before it is answered as not accepted.",
        kind="whole number", bounds="10 to 10000", unit="milliseconds", part=SERVE,
        ge=10, le=10_000,
    )  # fmt: skip
    snapshot_max_age_hours: float = setting(
        72.0, "From which age on of the snapshot answers are called degraded.",
        kind="number", bounds="above 0", unit="hours", part=SERVE, gt=0,
    )  # fmt: skip
    key_rate: int = setting(
        2000, "How many requests a second one API key may send, over all workers of a host.",
        kind="whole number", bounds="at least 1", unit="requests a second", part=SERVE, ge=1,
    )  # fmt: skip
    key_concurrency: int = setting(
        256, "How many requests of one API key a worker answers at a time.",
        kind="whole number", bounds="at least 1", part=SERVE, ge=1,
    )  # fmt: skip
    probing_limit: int = setting(
        50, "Sign-ups alike but for one family of values, from one key within ten minutes, from "
        "which on it counts as probing the score.",
        kind="whole number", bounds="at least 2", part=SERVE, ge=2,
    )  # fmt: skip
    probing_refused: bool = setting(
        False, "Answer probing with 429, and not only note it.", kind="yes or no", part=SERVE,
    )  # fmt: skip
    fleet_allowance: int = setting(
        10_000, "How many exchanges the accounts of one fleet may reserve together in a UTC day.",
        kind="whole number", bounds="at least 0", unit="exchanges", part=SERVE, ge=0,
    )  # fmt: skip
    log_requests: bool = setting(
        False, "Log every request, and not only what failed or was slow.",
        kind="yes or no", part=SERVE,
    )  # fmt: skip

    neo4j_cache: Path | None = setting(
        None, "Where `neo4j up` keeps what it downloads, about 190 MB; ringfinder/neo4j in the "
        "user's cache directory if not set.",
        kind="path of a directory", part=LOCAL,
    )  # fmt: skip

    gate_share: float = setting(
        0.01, "A run that newly flags more than this share of all accounts waits for a person. "
        "Fifty times what is flagged wrongly at most; and never fewer than 50 accounts.",
        kind="number", bounds="between 0 and 1", unit="share", part=NIGHTLY, gt=0, le=1,
    )  # fmt: skip
    gate_first_share: float = setting(
        0.25, "The same for the first run, which finds years of fleets at once.",
        kind="number", bounds="between 0 and 1", unit="share", part=NIGHTLY, gt=0, le=1,
    )  # fmt: skip
    gate_old_days: int = setting(
        60, "Accounts that signed up longer ago than this are old: fleets live for weeks.",
        kind="whole number", bounds="at least 1", unit="days", part=NIGHTLY, ge=1, le=36_500,
    )  # fmt: skip
    gate_old_accounts: int = setting(
        20, "A run that newly flags more old accounts than this waits for a person.",
        kind="whole number", bounds="at least 0", unit="accounts", part=NIGHTLY, ge=0,
    )  # fmt: skip
    gate_organisation_accounts: int = setting(
        10, "A run that newly flags more accounts of one organisation than this waits for a "
        "person.",
        kind="whole number", bounds="at least 0", unit="accounts", part=NIGHTLY, ge=0,
    )  # fmt: skip
    keep_snapshots: int = setting(
        14, "How many snapshots are kept, beside the one in force and the one before it.",
        kind="whole number", bounds="at least 1", part=NIGHTLY, ge=1, le=10_000,
    )  # fmt: skip
    epoch_days: int = setting(
        7, "How long `recompute --touched` judges against the same background; then a full "
        "run learns it anew.",
        kind="whole number", bounds="at least 1", unit="days", part=NIGHTLY, ge=1, le=366,
    )  # fmt: skip

    policy_file: AFile | None = setting(
        None, "What is decided from score, verdict and evidence (TOML); a built-in policy that "
        "denies nobody if not set. Read again when it changes; a bad one is not taken.",
        kind="path of a file", part=SERVE,
    )  # fmt: skip
    appeal_contact: str = setting(
        "support", "Whom an applicant who is held up is told to contact: an address or a page.",
        kind="text", bounds="1 to 200 characters", part=SERVE, min_length=1, max_length=200,
    )  # fmt: skip
    audit_key_file: AFile | None = setting(
        None, "A file that holds the key of the audit log's chain; audit.key in data_dir, made "
        "when first needed, if not set.",
        kind="path of a file", part=SERVE,
    )  # fmt: skip
    hook_supabase_secret: SecretStr | None = setting(
        None, "Secrets of the Supabase hook (`v1,whsec_...`), new and old ones separated by space.",
        kind="secret", part=SERVE,
    )  # fmt: skip
    hook_auth0_secret: SecretStr | None = setting(
        None, "Secrets that the Auth0 Action signs with (`whsec_...`), likewise.",
        kind="secret", part=SERVE,
    )  # fmt: skip
    hook_stripe_secret: SecretStr | None = setting(
        None, "Signing secrets of the Stripe webhook (`whsec_...`), likewise.",
        kind="secret", part=SERVE,
    )  # fmt: skip
    hook_webhook_secret: SecretStr | None = setting(
        None, "Secrets of the generic signed webhook (`whsec_...`), likewise.",
        kind="secret", part=SERVE,
    )  # fmt: skip
    hook_secrets_file: AFile | None = setting(
        None, "A TOML file of the hooks' secrets in place of the settings above: lines such as "
        "`stripe = [\"whsec_...\"]`.",
        kind="path of a file", part=SERVE,
    )  # fmt: skip

    backup_passphrase: Passphrase | None = setting(
        None, "Encrypts and opens backups. Never a flag: other users could read it there.",
        kind="secret", bounds="at least 12 characters", part=BACKUP,
    )  # fmt: skip
    backup_passphrase_file: AFile | None = setting(
        None, "A file that holds the passphrase, in place of `backup_passphrase`.",
        kind="path of a file", part=BACKUP,
    )  # fmt: skip

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources, the one that wins first: flags, variables, the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    def read_pepper(self) -> bytes | None:
        """Return the key of the pseudonyms, from `pepper` or `pepper_file`; None if not set.

        Raises
        ------
        InputError
            If both are set, or the file is too short.
        """
        if self.pepper is not None and self.pepper_file is not None:
            raise InputError("Both settings pepper and pepper_file are set; keep one of them.")
        if self.pepper is not None:
            return self.pepper.get_secret_value().encode("utf-8", "surrogateescape")
        if self.pepper_file is None:
            return None
        pepper = self.pepper_file.read_bytes().strip()
        if len(pepper) < PEPPER_LENGTH:
            raise InputError(
                f"The setting pepper_file is unusable: {self.pepper_file} is too short. "
                f"Expected: at least {PEPPER_LENGTH} bytes."
            )
        return pepper

    def read_neo4j_password(self) -> str | None:
        """Return the password, from `neo4j_password` or `neo4j_password_file`; None if not set.

        Raises
        ------
        InputError
            If both are set, or the file cannot be read as text.
        """
        return self._read_secret("neo4j_password", self.neo4j_password, self.neo4j_password_file)

    def read_backup_passphrase(self) -> str | None:
        """Return the passphrase of backups, likewise.

        Raises
        ------
        InputError
            If both are set, or the file cannot be read as text or is too short.
        """
        found = self._read_secret(
            "backup_passphrase", self.backup_passphrase, self.backup_passphrase_file
        )
        if found is not None and len(found) < PASSPHRASE_LENGTH:
            raise InputError(
                "The setting backup_passphrase_file is unusable: what it holds is too short. "
                f"Expected: at least {PASSPHRASE_LENGTH} characters."
            )
        return found

    def _read_secret(self, name: str, given: SecretStr | None, file: Path | None) -> str | None:
        if given is not None and file is not None:
            raise InputError(f"Both settings {name} and {name}_file are set; keep one of them.")
        if given is not None:
            return given.get_secret_value()
        if file is None:
            return None
        try:
            return file.read_text(encoding="utf-8").strip("\r\n")
        except (OSError, UnicodeError):
            raise InputError(
                f"The setting {name}_file is unusable: {file} cannot be read as text. "
                "Expected: a file with the secret as its only line."
            ) from None

    def public(self, *parts: str) -> dict[str, Any]:
        """Return the settings as plain JSON values, the secret ones as whether they are set.

        Parameters
        ----------
        parts
            Of which parts of the table; none named: those that an audit reads.
        """
        rows = [row for row in settings_table() if row.part in (parts or (ANALYSIS,))]
        values = self.model_dump(mode="json")
        return {
            row.name: values[row.name] is not None if row.secret else values[row.name]
            for row in rows
        }


def settings_table() -> tuple[SettingRow, ...]:
    """Return the settings in words, in the order they are declared."""
    return tuple(row_of(name, info) for name, info in Settings.model_fields.items())


def rows_by_name() -> dict[str, SettingRow]:
    """Return the settings table by name."""
    return {row.name: row for row in settings_table()}
