"""Checks what `hexiao proof` printed, without hexiao: python check_proof.py PROOF.json [HEADS.json]"""

import json
import sys
from hashlib import sha256
from pathlib import Path

proof = json.loads(Path(sys.argv[1]).read_text("utf-8"))
heads = json.loads(Path(sys.argv[2]).read_text("utf-8"))["heads"] if len(sys.argv) > 2 else None
if not proof["entries"]:
    sys.exit("REFUSED: there is no entry in it, so it proves nothing")
for entry in proof["entries"]:
    values = dict(zip(proof["columns"], json.loads(entry["text"]), strict=True))
    lane, height, _, count, root, head = entry["blocks"][0]
    node, index, path = sha256(b"\x00" + entry["text"].encode()).digest(), entry["index"], entry["path"]
    while count > 1 and path:
        if index ^ 1 < count:
            other, path = bytes.fromhex(path[0]), path[1:]
            node = sha256(b"\x01" + (other + node if index % 2 else node + other)).digest()
        index, count = index // 2, (count + 1) // 2
    fits = [values["lane"], values["height"], str(values["redemption_id"])] == [lane, height, proof["redemption_id"]]
    if not fits or path or count != 1 or index != 0 or node.hex() != root:
        sys.exit(f"REFUSED: the entry is not in its block: {entry['text']}")
    for number, block in enumerate(entry["blocks"]):
        if block[:2] != [lane, height + number] or block[5] != head:
            sys.exit(f"REFUSED: the blocks do not follow each other: {block}")
        head = sha256(json.dumps(block, separators=(",", ":")).encode()).hexdigest()
    if heads is not None and {"lane": lane, "height": height + number, "hash": head} not in heads:
        sys.exit(f"REFUSED: lane {lane} does not lead to any of these heads")
    print(f"{values['entry']}: in block {lane}/{height}, which leads to {lane}/{height + number} {head}")
