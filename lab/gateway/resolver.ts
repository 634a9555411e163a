/** Words before a command that give it a file of its own as /etc/resolv.conf; `ip netns exec` has made the mounts private. */
export function withResolver(path: string): string[] {
  return ['sh', '-ec', 'mount --bind "$0" /etc/resolv.conf; exec "$@"', path];
}
