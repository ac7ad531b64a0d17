"""What values of settings are: types that check what they are given."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, ByteSize, Field, SecretStr

MIB = 1 << 20
PEPPER_LENGTH = 32  # as long as the hash that uses it
PASSPHRASE_LENGTH = 12  # of a person's own words; scrypt makes guessing slow


def _a_file(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return path


def _a_directory(path: Path) -> Path:
    if not path.is_dir():
        raise ValueError(f"there is no directory {path}")
    return path


def _enough_memory(size: ByteSize) -> ByteSize:
    if size < 256 * MIB:
        raise ValueError("it is too small to work in")
    return size


def _a_region(region: str) -> str:
    region = region.strip().upper()
    if len(region) != 2 or not region.isascii() or not region.isalpha():
        raise ValueError("it is not a two-letter code")
    return region


def _web_address(address: str) -> str:
    if urlsplit(address).scheme not in {"http", "https"} or not urlsplit(address).hostname:
        raise ValueError("it is no web address")
    return address


def _long_enough(pepper: SecretStr) -> SecretStr:
    if len(pepper.get_secret_value()) < PEPPER_LENGTH:
        raise ValueError("it is too short")
    return pepper


AFile = Annotated[Path, AfterValidator(_a_file)]
ADirectory = Annotated[Path, AfterValidator(_a_directory)]
Memory = Annotated[ByteSize, AfterValidator(_enough_memory)]
Region = Annotated[str, AfterValidator(_a_region)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Pepper = Annotated[SecretStr, AfterValidator(_long_enough)]
Passphrase = Annotated[SecretStr, Field(min_length=PASSPHRASE_LENGTH)]
