#!/bin/bash
# PID 1 of the User-Mode Linux guest: the host's files read-only through hostfs, what the guest writes goes to memory.
# Kernel arguments: station.modules=FOLDER of the kernel's modules, station.share=FOLDER that is written through to the host.
exec >/dev/tty1 2>&1 </dev/null
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
argument() { tr ' ' '\n' </proc/cmdline | sed -n "s/^station\.$1=//p"; }
modules=$(argument modules)
share=$(argument share)

# In the order of what they need.
for module in fs/overlayfs/overlay net/can/can net/can/can-raw drivers/net/can/dev/can-dev drivers/net/can/vcan drivers/net/can/slcan/slcan; do
  insmod "$modules/$module.ko" || echo "guest: no module $module"
done

mount -t tmpfs tmpfs /run
mkdir /run/upper /run/work /run/root
mount -t overlay overlay -o lowerdir=/,upperdir=/run/upper,workdir=/run/work /run/root || busybox poweroff -f
root=/run/root
mount -t proc proc $root/proc
mount -t sysfs sysfs $root/sys
mount -t devtmpfs dev $root/dev
mkdir -p $root/dev/pts $root/dev/shm
mount -t devpts devpts $root/dev/pts -o ptmxmode=666
ln -sfn /dev/pts/ptmx $root/dev/ptmx
ln -sfn /proc/self/fd $root/dev/fd
mount -t tmpfs tmpfs $root/run
mkdir $root/run/share
mount -t hostfs none -o "$share" $root/run/share
ip link set lo up
chroot $root /bin/bash /run/share/command.sh
echo $? >$root/run/share/code
sync
busybox poweroff -f
