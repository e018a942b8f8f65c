# needs: bzip2 mke2fs
# dd reads a disk, dd writes it.

. "$CASES/lib.sh"
s3put -q --make-bucket
tree home
truncate -s 16M disk
mke2fs -q -t ext4 -d home disk 2>&1

dd if=disk bs=8k status=none | bzip2 | s3put -q --host ember --date 2019-11-30 disk.bz2 0 | jq -r .key
echo "exit ${PIPESTATUS[*]}"
s3get --host ember --date 2019-11-30 disk.bz2 0 | bzip2 -d | dd of=restored bs=8k status=none
echo "exit ${PIPESTATUS[*]}"
cmp disk restored && echo same
