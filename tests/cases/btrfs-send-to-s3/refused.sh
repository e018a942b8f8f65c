# The server refuses a part of an upload for good: no dump, no snapshot, and the next run goes on from the last that is
# stored. Then the answer to the last request is lost, and a key that may only write can't look: what is unknown does no
# harm, whether it was stored or not.
# on: s3serve
# fault: UploadPart#3-:error=403,AccessDenied
# fault: PutObject#3:lost
# needs: btrfs mkfs.btrfs mount flock pkill getfattr

. "$CASES/lib.sh"
. "$CASES/btrfs-send-to-s3/lib.sh"
disk disk
disk other
key me
subvolume disk/home
# go [OPTION...]: a backup with the key that may only create
go() {
    AWS_ACCESS_KEY_ID=creator AWS_SECRET_ACCESS_KEY=creatorsecret backup -q -e daily -s disk/home "$@" 2>&1 | plainly
    echo "exit ${PIPESTATUS[0]}"
    snapshots disk/home/.stream_backup_daily
    dumps
}

now 'stored'
echo one >disk/home/file
go

now 'the third part is refused, and so would any other be'
head -c 20000000 /dev/urandom >disk/home/random
go -d -- --part-size 5M --parallel 1
s3ls -q -a --uploads

now 'the next one'
rm disk/home/random
echo two >>disk/home/file
go

now 'the answer is lost: the dump is there, and nobody here knows; the snapshot goes'
echo three >>disk/home/file
go
now 'the next one is relative to the last that is known to be stored, and so is its name'
echo four >>disk/home/file
go
echo five >>disk/home/file
go

now 'a restore takes those, and not the other'
restore -q -e daily -s other
ends
snapshots other
cat other/*-3/file
