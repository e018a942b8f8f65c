# on: file radosgw
# needs: dump restore mke2fs losetup mount
# dump(8) and restore(8) on an ext4 file system: a full dump, what changed, and what changed after that.

. "$CASES/lib.sh"
. "$CASES/pipelines/lib.sh"
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
    dump -q -u -D dumpdates "-$1" -f - "$device" 2>dump.log | s3put -q --host ember --date "$2" / "$1" | jq -r .key
    grep -E 'DUMP IS DONE|ABORT' dump.log
}
# change COMMAND...: does something to the file system
change() {
    mount "$device" disk
    "$@"
    umount disk
}

first() { tree disk; }
second() {
    echo 'changed' >disk/hello
    rm 'disk/a/with space'
    mkdir disk/later
    echo 'new' >disk/later/file
}
third() {
    mv disk/later disk/renamed
    rm -r disk/empty
    seq 1000 >disk/last
}
change first
back_up 0 2019-01-01
change second
back_up 1 2019-01-02
change third
back_up 2 2019-01-03

s3ls -q --host ember --chain / | while IFS= read -r key; do
    s3get -k "$key" | (cd restored && restore -r -f -) 2>restore.log
    echo "restored $key, exit ${PIPESTATUS[*]}"
done
rm restored/restoresymtable
change same disk restored
