# on: file s3serve
# needs: dump restore mke2fs losetup mount mountpoint
# dump(8) writes an ext4 file system into s3dump, and restore(8) reads it back: a full dump, and what changed after it.

. "$CASES/lib.sh"
. "$CASES/pipelines/lib.sh"
. "$CASES/s3dump/lib.sh"
s3put -q --make-bucket

truncate -s 32M image
mke2fs -q -t ext4 image
if [ "$(id -u)" != 0 ] || ! device=$(losetup -f --show image 2>/dev/null); then
    echo 'SKIPPED: dump reads a block device: that takes root, and a loop device'
    exit
fi
mkdir disk restored
trap 'mountpoint -q disk && umount disk; losetup -d "$device"' EXIT

# back_up LEVEL DATE
back_up() {
    dump -q -u -D dumpdates "-$1" -f - "$device" 2>dump.log | s3dump -q -h ember -w "$2" dump / "$1"
    echo "level $1, exit ${PIPESTATUS[*]}"
    grep -E 'DUMP IS DONE|ABORT' dump.log
}
# bring_back LEVEL DATE
bring_back() {
    s3dump -q -h ember -w "$2" restore / "$1" | (cd restored && restore -r -f -) 2>restore.log
    echo "level $1 restored, exit ${PIPESTATUS[*]}"
}

mount "$device" disk && tree disk && umount disk
back_up 0 2019-01-01
mount "$device" disk && echo 'changed' >disk/hello && rm 'disk/a/with space' && seq 1000 >disk/last && umount disk
back_up 1 2019-01-02

bring_back 0 2019-01-01
bring_back 1 2019-01-02
rm restored/restoresymtable
mount "$device" disk && same disk restored
