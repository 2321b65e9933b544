"""Puts the groups together: what `hexiao --help` shows, with the exit codes.

A command's file is imported when the command is asked for: `serve` must not wait for what the others need.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from hexiao import __version__
from hexiao.cli.epilog import MEANINGS, examples


@cache
def _serving() -> typer.Typer:
    from hexiao.cli import server

    return _filled(server.add_to)


@cache
def _demo() -> typer.Typer:
    from hexiao.cli import demodata

    return _filled(demodata.add_to)


@cache
def _moving() -> typer.Typer:
    from hexiao.cli import moving

    return _filled(moving.add_to)


@cache
def _chain() -> typer.Typer:
    from hexiao.cli import chain

    def add_to(app: typer.Typer) -> None:
        chain.add_to(app)
        app.add_typer(chain.app, name="heads")

    return _filled(add_to)


@cache
def _redeeming() -> typer.Typer:
    from hexiao.cli import redeeming

    return _filled(redeeming.add_to)


@cache
def _keys() -> typer.Typer:
    from hexiao.cli import keys, signing, vendors

    vendors.add_to(keys.app)
    signing.add_to(keys.app)
    return _filled(lambda app: app.add_typer(keys.app, name="keys"))


@cache
def _schemes() -> typer.Typer:
    from hexiao.cli import schemes

    return _filled(lambda app: app.add_typer(schemes.app, name="scheme"))


@cache
def _coupons() -> typer.Typer:
    from hexiao.cli import coupons, importing

    importing.add_to(coupons.app)
    return _filled(lambda app: app.add_typer(coupons.app, name="coupon"))


@cache
def _redemptions() -> typer.Typer:
    from hexiao.cli import exporting, redemptions

    exporting.add_to(redemptions.app)
    return _filled(lambda app: app.add_typer(redemptions.app, name="redemptions"))


def _filled(add_to: Callable[[typer.Typer], None]) -> typer.Typer:
    made = typer.Typer(rich_markup_mode="rich")
    add_to(made)
    return made


WHERE: dict[str, Callable[[], typer.Typer]] = {
    "serve": _serving,
    "migrate": _serving,
    "verify": _serving,
    "demo": _demo,
    "backup": _moving,
    "restore": _moving,
    "copy": _moving,
    "proof": _chain,
    "redeem": _redeeming,
    "keys": _keys,
    "scheme": _schemes,
    "coupon": _coupons,
    "redemptions": _redemptions,
    "heads": _chain,
}
"""Every command of the top level, in the order of the help."""


class OnDemand(TyperGroup):
    """Knows the names of all commands, and imports those that are asked for."""

    def list_commands(self, ctx: object) -> list[str]:
        return list(WHERE)

    def get_command(self, ctx: object, cmd_name: str) -> Any:
        # A name that nobody knows needs all the others, for "did you mean …".
        for name in [cmd_name] if cmd_name in WHERE else WHERE:
            if name not in self.commands:
                self.commands.update(get_group(WHERE[name]()).commands)
        return self.commands.get(cmd_name)


app = typer.Typer(
    name="hexiao",
    cls=OnDemand,
    rich_markup_mode="rich",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="核销 hexiao: issue coupons, look them up, hold, capture and reverse them; serve it all over HTTP.",
    epilog="[bold]退出码 Exit codes[/]\n"
    + "\n".join(f"  {code.value}  {meaning}" for code, meaning in MEANINGS.items())
    + "\n\n"
    + examples(
        "hexiao serve --demo",
        "hexiao redeem DEMOMONEY2 --bill B1 --shop 284 --line 12345678:6:9.80",
        "hexiao redemptions list --shop 1333333333",
        "hexiao verify",
    ),
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hexiao {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="版本 · the version"),
) -> None:
    """The group itself does nothing."""
