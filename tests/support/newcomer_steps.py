"""Somebody without a card at a machine of the town, as far as the stick."""

from __future__ import annotations

from support.town import Town

from kiosk.screens.model import Attract

PIN = "86424"


async def open_to_all(town: Town) -> None:
    """A town whose bank opens accounts for everybody."""
    await town.bank.open()
    await town.bank.close()
    with (town.bank.directory / "bank.toml").open("a") as file:
        file.write("\n[accounts]\nopen_to_all = true\n")
    await town.open_for_business()


async def to_stick(town: Town) -> None:
    """From the welcome screen to where the stick goes in."""
    welcome = await town.see("welcome")
    assert isinstance(welcome, Attract)
    await town.choose("open")
    await town.see("open")
    await town.choose("product:0")
    await town.see("newpin")
    await town.press(f"{PIN}D")
    await town.see("newpin.again")
    await town.press(f"{PIN}D")
    await town.see("open.stick")
