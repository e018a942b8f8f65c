# on: s3serve
# needs: btrfs mkfs.btrfs mount
# The commands of doc/schedule for btrfs-send-to-s3, which take a btrfs and root.

. "$CASES/lib.sh"
. "$CASES/schedule/lib.sh"
install_all
trap 'umount "$PWD/srv/btrfs"' EXIT
# disk: a new one, with a subvolume
disk() {
    truncate -s 300M "$1"
    mkfs.btrfs -q "$1" >mkfs.log 2>&1
    mkdir -p srv/btrfs
    if [ "$(id -u)" != 0 ] || ! mount -o loop "$1" srv/btrfs 2>/dev/null; then
        echo 'SKIPPED: a btrfs on a loop device can not be mounted here'
        exit
    fi
    btrfs -q subvolume create srv/btrfs/home
    echo data >srv/btrfs/home/file
}
{
now 'systemd'
disk one
configure systemd
by_systemd btrfs-send-to-s3
ends
by_systemd btrfs-send-to-s3
ends
s3ls -q -a -0 -b "$S3_BUCKET/systemd" | tr '\0' '\n'
umount srv/btrfs
rm -rf var etc
now 'cron'
disk two
configure cron
by_cron "$(jobs_of_cron btrfs-send-to-s3)"
ends
s3ls -q -a -0 -b "$S3_BUCKET/cron" | tr '\0' '\n'
} 2>&1 | plain
