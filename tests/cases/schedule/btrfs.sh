# on: s3serve
# needs: btrfs mkfs.btrfs mount
# The commands of doc/schedule for btrfs-send-to-s3, which take a btrfs and root.

. "$CASES/lib.sh"
. "$CASES/schedule/lib.sh"
install_all
truncate -s 300M image
mkfs.btrfs -q image >mkfs.log 2>&1
mkdir -p srv/btrfs
if [ "$(id -u)" != 0 ] || ! mount -o loop image srv/btrfs 2>/dev/null; then
    echo 'SKIPPED: a btrfs on a loop device can not be mounted here'
    exit
fi
trap 'umount "$PWD/srv/btrfs"' EXIT
btrfs -q subvolume create srv/btrfs/home
echo data >srv/btrfs/home/file
{
for scheduler in systemd cron; do
    now "$scheduler"
    configure $scheduler
    case $scheduler in
        systemd) by_systemd btrfs-send-to-s3 ;;
        cron) by_cron "$(jobs_of_cron btrfs-send-to-s3)" ;;
    esac
    ends
    s3ls -q -a -0 -b "$S3_BUCKET/$scheduler" | tr '\0' '\n'
done
} 2>&1 | plain
