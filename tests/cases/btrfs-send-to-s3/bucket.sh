# on: s3serve
# thaw: 2
# needs: btrfs mkfs.btrfs mount flock pkill getfattr
# A bucket on a server: a key that may only write, one that may list, the archive, a server that refuses, more dumps than
# one answer holds.

. "$CASES/lib.sh"
. "$CASES/btrfs-send-to-s3/lib.sh"
s3put -q --make-bucket
disk disk
disk other
key me
subvolume disk/home
tree disk/home
bucket=${S3_BUCKET#s3://}
unset S3_BUCKET
# writer COMMAND...: with the key that may do nothing but write
writer() { AWS_ACCESS_KEY_ID=writer AWS_SECRET_ACCESS_KEY=writersecret "$@"; }
backup() { btrfs-send-to-s3 stream_backup -b "$bucket" --host h -p web -r me.pub "$@"; }
restore() { btrfs-send-to-s3 restore_backup -b "$bucket" -p web -i me.key "$@"; }

now 'a key that may list is warned of; the bucket by its name'
backup -e daily -s disk/home -c GLACIER 2>&1 | plainly
echo "exit ${PIPESTATUS[0]}"

now 'a key that may only write needs no more'
for number in 1 2; do
    echo "$number" >>disk/home/hello
    writer backup -e daily -s disk/home -c GLACIER -q 2>&1 | plainly
    echo "exit ${PIPESTATUS[0]}"
done
writer backup -e daily -s disk/home 2>&1 | plainly
echo "exit ${PIPESTATUS[0]}"
S3_BUCKET=s3://$bucket dumps
writer restore -q -e daily -s other
ends

now 'each name ends in digits of its own'
S3_BUCKET=s3://$bucket s3ls -q -0 -a | tr '\0' '\n' | cut -d '~' -f 2 | sort -u | wc -l

now 'from the archive: all is asked for at once, then all is restored'
restore -e daily -s other 2>&1 | plainly
echo "exit ${PIPESTATUS[0]}"
restore -q -e daily -s other --thaw=3 2>&1 | plainly | sed 's/([0-9.k]*) must/(SIZE) must/'
echo "exit ${PIPESTATUS[0]}"
grep -c ^RestoreObject "$LOG"
comes_true restore -q -e daily -s other --thaw=3 2>/dev/null
grep -c ^RestoreObject "$LOG"
what disk/home >tree
what other/*-3 | cmp - tree && echo 'the same'

now 'options for s3put and s3get'
backup -q -e limited -s disk/home -d -- --min-size 1G 2>&1 | plainly | sed 's/DATE[0-9]*/DATE/; s/has [0-9]* bytes/has N bytes/'
echo "exit ${PIPESTATUS[0]}"
snapshots disk/home/.stream_backup_limited

now 'bucket, server and keys from a file'
printf '%s\n' "bucket_name $bucket" "server $AWS_ENDPOINT_URL_S3" 'access_key_id writer' 'secret_access_key writersecret' >writer.keys
chmod 600 writer.keys
(unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_ENDPOINT_URL_S3
    btrfs-send-to-s3 stream_backup -f writer.keys --host h -p web -r me.pub -e filed -s disk/home 2>&1 | plainly | sed 's/DATE[0-9]*/DATE/'
    echo "exit ${PIPESTATUS[0]}"
    btrfs-send-to-s3 list -f writer.keys)
ends

now 'several hosts have such an epoch'
subvolume disk/other
writer btrfs-send-to-s3 stream_backup -q -b "$bucket" --host g -p web -r me.pub -e daily -s disk/other
restore -q -e daily -s other
ends
mkdir other/of-g
restore -e daily -s other/of-g --host g 2>&1 | grep -c ^Restoring

now 'the machine has another name, or the bucket: increments there would be of no use'
writer btrfs-send-to-s3 stream_backup -q -b "$bucket" --host new -p web -r me.pub -e daily -s disk/home
ends
writer btrfs-send-to-s3 stream_backup -q -b "$bucket-2" --host h -p web -r me.pub -e daily -s disk/home
ends
btrfs-send-to-s3 stream_backup -q -b "s3://$bucket" --host new -p web -r me.pub -e branch -B daily -s disk/home
ends
