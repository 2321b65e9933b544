"""The journal's chain: checking all of it, exporting its signed heads, proving the entries of one redemption."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec.structs import astuple

from hexiao import heads, wiring
from hexiao.cli import show
from hexiao.cli.exits import Exit, Stop, reporting
from hexiao.cli.newfile import demand_new
from hexiao.cli.session import DatabaseOption, JsonOption, MerchantOption, Session, examples, identity, session
from hexiao.config import Settings, load_settings
from hexiao.domain.chain import Block, Header, canonical, hash_of, leaf_of, path_of
from hexiao.domain.errors import BadRequest, Code
from hexiao.domain.redemption import JournalEntry
from hexiao.domain.tampering import Audit, Problem, Sign, hash_fits, kept_leaves
from hexiao.heads import Head, Heads, HeadsError
from hexiao.storage import chain_side
from hexiao.storage.base import Damaged

SIGNS: dict[Sign, str] = {
    Sign.ROW_CHANGED: "行被改动 row changed",
    Sign.ROW_REMOVED: "行被删除 row removed",
    Sign.ROW_ADDED: "行被添加 row added",
    Sign.ROW_WITHOUT_BLOCK: "行不属于任何块 row in no block: added, or its block was removed",
    Sign.BLOCK_CHANGED: "块被改动 block changed",
    Sign.BLOCK_REMOVED: "块被删除 block removed",
    Sign.BLOCK_NOT_LINKED: "块不相接 block does not follow the one before it: one of the two was made anew",
    Sign.HEAD_GONE: "已签名的块不在链上 signed block is not in the chain: cut off, or made anew",
}
PROBLEMS_KEPT = 100_000

app = typer.Typer(
    no_args_is_help=True,
    help="链头 · The newest block of each lane of the journal's chain, signed, to be kept elsewhere.",
    epilog=examples("hexiao heads key heads.pem", "hexiao heads export heads.json --key heads.pem"),
)


def add_to(app: typer.Typer) -> None:
    app.command(epilog=examples("hexiao proof 236918244311425024 > proof.json", "hexiao proof ID --heads heads.json"))(
        proof
    )


@app.command(epilog=examples("hexiao heads key heads.pem"))
def key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="新文件 · a new file, for the private key")],
) -> None:
    """生成签名密钥 · Make an Ed25519 key: FILE is private, FILE.pub is for whoever checks."""
    with _telling(False):
        _demand_new(file, ".pub")
        public = heads.make_key(file)
        show.say(f"[green]✓[/] {show.escape(str(file))}, {show.escape(str(public))}")
        show.note("请勿与数据库放在一起 · keep the private key away from the database")


@app.command(
    epilog=examples(
        "hexiao heads export heads.json --key heads.pem",
        "hexiao verify --chain --heads heads.json --public-key heads.pem.pub",
    )
)
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="新文件 · a new file; FILE.sig is its signature")],
    key: Annotated[Path, typer.Option("--key", help="私钥 · the private key, made by hexiao heads key")],
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """导出并签名链头 · Write the newest block of each lane into a file, and sign it."""
    with _telling(as_json):
        _demand_new(file, ".sig")
        _demand_there(key, "make one with hexiao heads key")
        with closing(wiring.open_side(load_settings(database=database))) as side:
            found = chain_side.heads(side)
        at = datetime.fromtimestamp(wiring.system_clock() / 1000, UTC).isoformat(timespec="milliseconds")
        signature = heads.write_signed(Heads(at, found), file, key)
        if as_json:
            show.json({"file": str(file), "signature": str(signature), "at": at, "heads": found})
        else:
            show.say(
                f"[green]✓[/] {len(found)} 条链 lanes, {at}: {show.escape(str(file))}, {show.escape(str(signature))}"
            )


def check(settings: Settings, signed: list[Path], public_key: Path | None) -> tuple[Audit, list[Problem]]:
    """The whole chain of a database, and whether the heads in the signed files are still in it."""
    if signed and public_key is None:
        raise Stop(Exit.USAGE, "--heads 需要 --public-key", "--heads needs --public-key: whose signature is good?")
    if public_key is not None and not signed:
        raise Stop(Exit.USAGE, "--public-key 需要 --heads", "--public-key needs --heads: what is signed with it?")
    for file in signed:
        _demand_there(file, "give one made by hexiao heads export")
        _demand_there(file.with_name(f"{file.name}.sig"), "hexiao heads export made it beside the heads; bring it, too")
    if public_key is not None:
        _demand_there(public_key, "give the .pub that hexiao heads key made")
    with _refusals():
        known = {
            (head.lane, head.height, head.hash)
            for file in signed
            if public_key
            for head in heads.read_signed(file, public_key).heads
        }
    audit, problems = Audit(known), list[Problem]()
    with closing(wiring.open_side(settings)) as side, show.telling("核对链 checking the chain") as tell:
        for problem in chain_side.problems(side, audit, tell):
            if len(problems) < PROBLEMS_KEPT:
                problems.append(problem)
    return audit, problems


def told(audit: Audit, problems: list[Problem]) -> dict[str, Any]:
    """For scripts."""
    newest = [Head(lane, *head) for lane, head in audit.heads.items()]
    return {
        "lanes": len(newest), "blocks": audit.blocks, "entries": audit.entries,
        "problems": [
            {
                "sign": one.sign.value, "lane": one.lane, "height": one.height, "blocks": one.blocks,
                "coupon_id": None if one.coupon_id is None else str(one.coupon_id), "seq": one.seq,
            }
            for one in problems
        ],
        "heads": newest,
    }  # fmt: skip


def show_check(audit: Audit, problems: list[Problem], heads_shown: int) -> None:
    """For a person."""
    if problems:
        rows = [
            (
                SIGNS[one.sign], str(one.lane),
                f"{one.height}–{one.height + one.blocks - 1}" if one.blocks > 1 else str(one.height),
                "" if one.coupon_id is None else show.escape(str(one.coupon_id)),
                "" if one.seq is None else str(one.seq),
            )
            for one in problems
        ]  # fmt: skip
        more = "+" if len(problems) == PROBLEMS_KEPT else ""
        columns = ("迹象 sign", "lane>", "height>", "coupon_id>", "seq>")
        show.table(f"流水被改动过 · the journal was tampered with: {len(problems)}{more}", columns, rows)
        return
    show.say(
        f"[green]✓[/] 链完整 · the chain is whole: {len(audit.heads)} lanes, {audit.blocks:,} blocks,"
        f" {audit.entries:,} entries"
    )
    newest = sorted(audit.heads.items(), reverse=True)[:heads_shown]
    lanes = [(str(lane), str(height), hash) for lane, (height, hash) in newest]
    show.table("最新的链头 newest heads", ("lane>", "height>", "hash"), lanes)


def proof(
    redemption: Annotated[str, typer.Argument(metavar="REDEMPTION", help="核销单编号 · the redemption's id")],
    heads_file: Annotated[
        Path | None,
        typer.Option("--heads", help="已导出的链头 · exported heads: the proof goes on up to the one that covers it"),
    ] = None,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
) -> None:
    """核销存在证明 · Print, as JSON, the proof that each journal entry of a redemption lies in the chain."""
    with session(database, merchant, True) as run, _refusals():
        if heads_file:
            _demand_there(heads_file, "give one made by hexiao heads export")
        known = heads.read(heads_file).heads if heads_file else None
        id = identity(redemption, "REDEMPTION")
        found = run.storage.redemption(merchant, id)
        if found is None:
            raise BadRequest(Code.UNKNOWN_REDEMPTION, redemption_id=str(id))
        entries = [one for one in run.storage.journal(found.redemption.coupon_id) if one.redemption_id == id]
        if not entries:
            raise Stop(
                Exit.REFUSED, "这笔核销没有流水，请运行 hexiao verify --chain",
                f"the redemption {id} has no entry in the journal: see hexiao verify --chain",
            )  # fmt: skip
        show.json(
            {
                "redemption_id": str(id),
                "columns": JournalEntry.__struct_fields__,
                "entries": [_proof_of(run, entry, known) for entry in entries],
            }
        )


def _proof_of(run: Session, entry: JournalEntry, known: list[Head] | None) -> dict[str, Any]:
    block = run.storage.block(entry.lane, entry.height)
    leaves = _leaves(block)
    key = (entry.coupon_id, entry.seq)
    if block is None or leaves.get(key) != leaf_of(canonical(astuple(entry))):
        raise Stop(
            Exit.REFUSED, "流水不在链上，请运行 hexiao verify --chain",
            f"the entry {entry.seq} of coupon {entry.coupon_id} lies in no block as it is: see hexiao verify --chain",
        )  # fmt: skip
    index = list(leaves).index(key)
    headers = [block.header]
    if known is not None:
        headers += _up_to_a_head(run, entry, block.header, known)
    return {
        "text": canonical(astuple(entry)).decode(),
        "index": index,
        "path": [one.hex() for one in path_of(list(leaves.values()), index)],
        "blocks": headers,
        "hash": block.hash,
    }


def _up_to_a_head(run: Session, entry: JournalEntry, own: Header, known: list[Head]) -> list[Header]:
    """The blocks from the entry's own to the first head that covers it. Raises Stop when they do not lead there."""
    covering = [head for head in known if head.lane == entry.lane and head.height >= entry.height]
    if not covering:
        raise Stop(
            Exit.REFUSED, "链头不涵盖这笔核销，请给之后导出的链头",
            f"none of these heads covers lane {entry.lane}, height {entry.height}: give an export that is younger than"
            " the redemption",
        )  # fmt: skip
    to = min(head.height for head in covering)
    following = run.storage.headers(entry.lane, entry.height + 1, to)
    blocks = [own, *following]
    lane, height = blocks[-1][:2]
    linked = all(after[-1] == hash_of(before) for before, after in pairwise(blocks))
    if not linked or Head(lane, height, hash_of(blocks[-1])) not in covering:
        raise Stop(
            Exit.REFUSED, "链不通向这些链头，请运行 hexiao verify --chain",
            f"lane {entry.lane} does not lead to its head of height {to}: these are heads of another database, or the"
            " chain was changed; see hexiao verify --chain",
        )  # fmt: skip
    return following


def _leaves(block: Block | None) -> dict[tuple[int, int], bytes]:
    """Of a block that is not there, or that somebody changed, none: no proof would lead to it."""
    return (kept_leaves(block) if block and hash_fits(block) else None) or {}


@contextmanager
def _telling(as_json: bool) -> Iterator[None]:
    with reporting(as_json), _refusals():
        yield


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except HeadsError as wrong:
        raise Stop(Exit.REFUSED, "密钥、签名或链头文件不能使用", str(wrong)) from wrong
    except Damaged as odd:
        raise Stop(Exit.REFUSED, "流水被改动过，请运行 hexiao verify --chain", str(odd)) from odd


def _demand_new(file: Path, beside: str) -> None:
    """Neither the file nor what is written beside it: a public key may outlive its private one here."""
    demand_new(file)
    demand_new(file.with_name(file.name + beside))


def _demand_there(file: Path, otherwise: str) -> None:
    """What was typed wrong is told as such: exit code 4 would say that it may be tried again."""
    if not file.exists() or file.is_dir():
        raise Stop(Exit.USAGE, f"没有文件 {file}", f"there is no file {file}: {otherwise}")
