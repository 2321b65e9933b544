"""Checks what `hexiao proof` printed, without hexiao: python check_proof.py PROOF.json [HEADS.json]"""

import json
import sys
from hashlib import sha256
from pathlib import Path

proof = json.loads(Path(sys.argv[1]).read_text("utf-8"))
heads = json.loads(Path(sys.argv[2]).read_text("utf-8"))["heads"] if len(sys.argv) > 2 else None
COLUMNS = """coupon_id seq entry redemption_id part d_held_fen d_captured_fen d_held_uses d_captured_uses held_after_fen
captured_after_fen at request_id actor cashier_id reason lane height"""
if not proof["entries"] or proof["columns"] != COLUMNS.split():  # no hash covers what the values are called
    sys.exit("REFUSED: there is no entry in it, or its columns are not those of the journal")
for entry in proof["entries"]:
    values = dict(zip(proof["columns"], json.loads(entry["text"]), strict=True))
    lane, height, _, count, root, head = entry["blocks"][0]
    node, index, path = sha256(b"\x00" + entry["text"].encode()).hexdigest(), entry["index"], entry["path"]
    while count > 1 and path:
        if index ^ 1 < count:
            node = sha256(bytes.fromhex("01" + (path.pop(0) + node if index % 2 else node + path.pop(0)))).hexdigest()
        index, count = index // 2, (count + 1) // 2
    if str(values["redemption_id"]) != proof["redemption_id"] or path or count != 1 or index != 0 or node != root:
        sys.exit(f"REFUSED: the entry is not in its block: {entry['text']}")
    for number, block in enumerate(entry["blocks"]):
        if block[:2] != [values["lane"], values["height"] + number] or block[5] != head:
            sys.exit(f"REFUSED: the blocks do not follow each other: {block}")
        head = sha256(json.dumps(block, separators=(",", ":")).encode()).hexdigest()
    if heads is not None and {"lane": lane, "height": height + number, "hash": head} not in heads:
        sys.exit(f"REFUSED: lane {lane} does not lead to any of these heads")
    print(f"{values['entry']}: in block {lane}/{height}, which leads to {lane}/{height + number} {head}")
