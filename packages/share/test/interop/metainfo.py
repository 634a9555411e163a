"""libtorrent's word on torrents: `create FOLDER NAME OUT` makes one of each kind, `read FILE…` tells what it sees."""

import json
import sys

import libtorrent as lt

KINDS = {
    "v1": 64,
    "v2": 32,
    "hybrid": 0,
    "hybrid-no-tail": 512,
    "v1-canonical": 64 | 128,
    "hybrid-links": 8 | 512,
}


def described(info):
    hashes = info.info_hashes()
    files = info.files()
    return {
        "v1": str(hashes.v1) if hashes.has_v1() else None,
        "v2": str(hashes.v2) if hashes.has_v2() else None,
        "name": info.name(),
        "pieces": info.num_pieces(),
        "pieceLength": info.piece_length(),
        "files": [
            {
                "path": files.file_path(i),
                "length": files.file_size(i),
                "offset": files.file_offset(i),
                "padding": bool(files.file_flags(i) & 1),
                "executable": bool(files.file_flags(i) & 4),
                "symlink": files.symlink(i) if files.file_flags(i) & 8 else None,
                "root": str(files.root(i)) if hashes.has_v2() and files.file_size(i) > 0 and not files.file_flags(i) & 1 else None,
            }
            for i in range(info.num_files())
        ],
        "trackers": [[t.url, t.tier] for t in info.trackers()],
        "seeds": [seed["url"] for seed in info.web_seeds()],
        "private": info.priv(),
        "comment": info.comment(),
    }


def create(folder, name, out):
    for kind, flags in KINDS.items():
        storage = lt.file_storage()
        lt.add_files(storage, f"{folder}/{name}", flags=flags)
        torrent = lt.create_torrent(storage, 32768, flags=flags)
        torrent.add_tracker("http://tracker.example/announce", 0)
        torrent.add_tracker("udp://tracker.example:1", 1)
        torrent.add_url_seed("http://seed.example/")
        torrent.set_comment("a comment")
        torrent.set_priv(kind == "v1")
        lt.set_piece_hashes(torrent, folder)
        with open(f"{out}/{kind}.torrent", "wb") as file:
            file.write(lt.bencode(torrent.generate()))


def magnets(links):
    seen = [lt.parse_magnet_uri(link) for link in links]
    return [
        {
            "v1": str(p.info_hashes.v1) if p.info_hashes.has_v1() else None,
            "v2": str(p.info_hashes.v2) if p.info_hashes.has_v2() else None,
            "name": p.name,
            "trackers": p.trackers,
            "peers": [list(peer) for peer in p.peers],
            "seeds": p.url_seeds,
        }
        for p in seen
    ]


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "create":
        create(*rest)
    elif verb == "magnets":
        print(json.dumps(magnets(rest)))
    else:
        print(json.dumps([described(lt.torrent_info(path)) for path in rest]))
