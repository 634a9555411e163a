#!/bin/sh
# First process of the guest. Its root is the host's, read-only; what it writes goes to memory and to the shared folder.
# The kernel hands down KITH_SHARED from its command line: a folder of the host with the file `command` to be run.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /run
mkdir -p /run/shared /run/tmp /run/netns /run/modules/lib/modules
mount -t hostfs none /run/shared -o "$KITH_SHARED"

# The modules do not lie where modprobe looks. The kernel itself asks for some by the program named here.
ln -s /usr/lib/uml/modules/"$(uname -r)" /run/modules/lib/modules/
MODPROBE_OPTIONS='-d /run/modules'
TMPDIR=/run/tmp
HOME=/run/tmp
export MODPROBE_OPTIONS TMPDIR HOME
printf '#!/bin/sh\nexec /sbin/modprobe -d /run/modules "$@"\n' >/run/tmp/modprobe
chmod +x /run/tmp/modprobe
echo /run/tmp/modprobe >/proc/sys/kernel/modprobe

ip link set lo up
sh /run/shared/command
echo $? >/run/shared/code
sync
echo o >/proc/sysrq-trigger
sleep 60
