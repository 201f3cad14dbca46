"""The steps of provisioning, in order. Each finds out first whether it is done already, so all may be run again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bank_link import auth_file, enrolment
from bank_link.auth_secret import Secret
from bank_link.errors import AuthFileError, EnrolmentError
from bank_link.identity import Identity
from bank_link.keys import signing_public
from bank_link.seams import Randomness, WallClock
from config.kiosk import TerminalConfig
from config.load import example_kiosk, load_kiosk, profile_names
from kiosk.provisioning import pending
from kiosk.provisioning.commands import Run
from kiosk.provisioning.errors import ProvisioningError
from kiosk.provisioning.machine_check import check_machine
from kiosk.provisioning.place import LAPTOP_PROFILE, STATE, Place
from kiosk.provisioning.sealing import read_or_make_secret
from kiosk.provisioning.system_files import enable_unit, install_files, shipped_files

PENDING = "enrolment.begun"


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What was asked for. `string` is called when, and only when, the enrolment string is needed."""

    place: Place
    profile: str = ""
    passphrase_file: Path | None = None
    systemd: bool = True
    again: bool = False
    string: Callable[[], str]  # never returns ""


@dataclass(frozen=True, kw_only=True)
class World:
    """Time, randomness and the system's tools, handed in."""

    clock: WallClock
    random: Randomness
    run: Run


@dataclass(frozen=True)
class Done:
    """A step's name, and one line of what it found or did."""

    step: str
    line: str


def provision(wishes: Wishes, world: World) -> Iterator[Done]:
    """Do every step, and say so after each.

    Raises ProvisioningError, config.load.ConfigError, or bank_link's AuthFileError and EnrolmentError; what was done
    by then stays done.
    """
    place = wishes.place
    yield Done("machine", check_machine(place, world.run))
    if place.machine and wishes.systemd:
        yield Done("system", install_files(place, shipped_files(), world.run))
    yield Done("config", write_config(wishes))
    terminal = load_kiosk(place.config).terminal
    with place.as_owner():
        place.inside(terminal.state).mkdir(mode=0o700, parents=True, exist_ok=True)
        secret, line = _secret(place, terminal, world)
    yield Done("secret", line)
    text = wishes.string() if wishes.again or not place.inside(terminal.auth_file).exists() else ""
    with place.as_owner():
        identity, line = enrolled(place, world, terminal, secret, text)
    yield Done("enrolment", line)
    if place.machine and wishes.systemd:
        yield Done("unit", enable_unit(place, world.run))
    yield Done("next", what_remains(identity))


def write_config(wishes: Wishes) -> str:
    """The kiosk's own file from its profile, if there is none; then all of it is checked.

    Raises ConfigError with every mistake, or ProvisioningError.
    """
    place = wishes.place
    if place.config.exists():
        named = load_kiosk(place.config).terminal.profile
        if wishes.profile not in ("", named):
            raise ProvisioningError(
                f"{place.config} is there already and names profile {named or 'none'}, not {wishes.profile}: "
                "change it there, or remove the file"
            )
        return f"{place.config} is there already, and it is in order"
    text = _config_text(wishes)
    try:
        place.config.parent.mkdir(mode=0o755 if place.machine else 0o700, parents=True, exist_ok=True)
        place.config.write_text(text, encoding="utf-8")
        place.config.chmod(0o644)
    except OSError as error:
        raise ProvisioningError(f"{place.config} cannot be written: {error.strerror}") from None
    load_kiosk(place.config)
    return f"wrote {place.config}, and it is in order"


def _config_text(wishes: Wishes) -> str:
    """On a machine absolute paths, in a laptop's directory relative ones."""
    machine = wishes.place.machine
    profile = wishes.profile or ("" if machine else LAPTOP_PROFILE)
    if not profile:
        raise ProvisioningError(f"say which cabinet this is, --profile NAME: {', '.join(profile_names())}")
    folder = STATE if machine else Path()
    passphrase = wishes.passphrase_file.absolute() if wishes.passphrase_file else None
    return example_kiosk(
        profile,
        state=str(folder),
        auth_file=str(folder / "terminal.auth"),
        key_file=None if passphrase else str(folder / "terminal.key"),
        passphrase_file=str(passphrase) if passphrase else None,
    )


def _secret(place: Place, terminal: TerminalConfig, world: World) -> tuple[Secret, str]:
    key_file = place.inside(terminal.key_file) if terminal.key_file else None
    passphrase_file = place.inside(terminal.passphrase_file) if terminal.passphrase_file else None
    secret, made = read_or_make_secret(key_file, passphrase_file, world.random)
    return secret, f"{'made' if made else 'using'} {key_file or passphrase_file}"


def enrolled(place: Place, world: World, terminal: TerminalConfig, secret: Secret, text: str) -> tuple[Identity, str]:
    """The terminal's identity by the enrolment string `text`; where that is "", from its auth file.

    Raises EnrolmentError, AuthFileError or ProvisioningError. Where it ends between the bank's answer and the auth
    file, the same string once more goes on from there.
    """
    path, begun = place.inside(terminal.auth_file), place.inside(terminal.state) / PENDING
    if not text:
        identity = auth_file.read(path, secret, world.clock.now_ms())
        pending.end(begun)
        return identity, f"enrolled already as {identity.terminal} of {identity.bank}"
    key = pending.begin(begun, text, secret, world.random)
    try:
        identity = enrolment.enrol(text, random=key, now_ms=world.clock.now_ms())
    except EnrolmentError as error:
        raise EnrolmentError(f"{error}. This machine keeps its key: the same string may be tried again") from None
    auth_file.write(path, identity, secret, world.random)
    auth_file.read(path, secret, world.clock.now_ms())
    pending.end(begun)
    return identity, f"enrolled as {identity.terminal} of {identity.bank}; wrote {path}"


def what_remains(identity: Identity) -> str:
    """What a person at the bank must still do."""
    shown = enrolment.fingerprint(signing_public(identity.signing_key))
    return (
        f"fingerprint {shown}: a person at the bank compares it and runs\n"
        f"    atm-bank terminal confirm {identity.terminal} --fingerprint {shown}"
    )


__all__ = ["AuthFileError", "Done", "Wishes", "World", "enrolled", "provision", "what_remains", "write_config"]
