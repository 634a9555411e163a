/** The torrent engine on Node: sockets, disks, workers and timers around the pure parts of `@kith/torrent`. */
export {};
