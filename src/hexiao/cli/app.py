"""Puts the groups together: what `hexiao --help` shows, with the exit codes."""

from __future__ import annotations

import typer

from hexiao import __version__
from hexiao.cli import (
    chain,
    coupons,
    importing,
    keys,
    moving,
    redeeming,
    redemptions,
    schemes,
    server,
    signing,
    vendors,
)
from hexiao.cli.exits import MEANINGS
from hexiao.cli.session import examples

EXIT_CODES = "\n".join(f"  {code.value}  {meaning}" for code, meaning in MEANINGS.items())

app = typer.Typer(
    name="hexiao",
    rich_markup_mode="rich",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="核销 hexiao: issue coupons, look them up, hold, capture and reverse them; serve it all over HTTP.",
    epilog="[bold]退出码 Exit codes[/]\n"
    + EXIT_CODES
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


server.add_to(app)
moving.add_to(app)
chain.add_to(app)
redeeming.add_to(app)
vendors.add_to(keys.app)
signing.add_to(keys.app)
importing.add_to(coupons.app)
app.add_typer(keys.app, name="keys")
app.add_typer(schemes.app, name="scheme")
app.add_typer(coupons.app, name="coupon")
app.add_typer(redemptions.app, name="redemptions")
app.add_typer(chain.app, name="heads")
