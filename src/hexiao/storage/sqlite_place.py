"""Where a SQLite file may lie: on a disk of this machine.

Knows the network file systems by name, and looks at nothing else.
"""

from __future__ import annotations

from pathlib import Path

from hexiao.storage.base import StorageError

NETWORK_FILE_SYSTEMS = (
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "lustre", "glusterfs", "fuse.sshfs", "fuse.glusterfs",
    "fuse.ceph", "fuse.ceph-fuse", "fuse.rclone", "fuse.s3fs",
)  # fmt: skip


def refuse_network_file_system(path: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """SQLite's WAL needs shared memory, which network file systems do not have. Raises StorageError there."""
    try:
        lines = [line.split() for line in mounts.read_text().splitlines()]
    except OSError:  # no such list on this system: nothing to go by
        return
    place = path.resolve()
    mounted = [(fields[1].replace("\\040", " "), fields[2]) for fields in lines]
    holding = [
        (len(folder), order, kind) for order, (folder, kind) in enumerate(mounted) if place.is_relative_to(folder)
    ]
    _, _, kind = max(holding, default=(0, 0, ""))  # the innermost; of two on one place the later
    if kind in NETWORK_FILE_SYSTEMS:
        raise StorageError(f"{path} lies on a network file system ({kind}); SQLite is not safe there, use a local disk")
