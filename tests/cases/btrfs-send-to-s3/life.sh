# needs: btrfs mkfs.btrfs mount flock pkill setfattr getfattr
# A full dump, ten increments and one that fails, of a real btrfs; and each snapshot, as it is restored, beside the one
# that it was made from.

. "$CASES/lib.sh"
. "$CASES/btrfs-send-to-s3/lib.sh"
s3put -q --make-bucket
disk disk
disk other
key me
subvolume disk/home
tree disk/home

# change N: something else each time
change() {
    case $1 in
        1) echo more >>disk/home/hello && rm 'disk/home/a/with space' ;;
        2) mv disk/home/a/b disk/home/moved && mkdir disk/home/a/b && echo new >disk/home/a/b/new ;;
        3) truncate -s 500 disk/home/a/numbers && ln disk/home/a/numbers disk/home/second-name ;;
        4) setfattr -n user.colour -v blue disk/home/hello && chmod 600 disk/home/hello && chown 1:2 disk/home/a ;;
        5) mkfifo disk/home/pipe && mknod disk/home/null c 1 3 && ln -s nowhere disk/home/dangling ;;
        6) head -c 3000000 /dev/urandom >disk/home/random ;;
        7) dd if=/dev/urandom of=disk/home/random bs=4k seek=100 count=3 conv=notrunc status=none ;;
        8) fallocate -p -o 1000000 -l 500000 disk/home/random && rm disk/home/second-name ;;
        9) cp --reflink=always disk/home/random disk/home/twin && touch -d '2001-02-03 04:05:06.7Z' disk/home/twin ;;
        10) rm -r disk/home/a disk/home/dangling ;;
    esac
}

# beside N: keeps what the tree is now
beside() { what disk/home >"tree-$1"; }

now 'a full dump'
backup -c STANDARD_IA -e daily -s disk/home | plainly
beside 0

now 'increments'
for number in 1 2 3 4 5; do
    change "$number"
    backup -e daily -s disk/home -q || ends
    beside "$number"
done

now 'one that fails half way: the recipients are not what they were'
echo 'age1nonsense' >nonsense.pub
btrfs-send-to-s3 stream_backup -b "$S3_BUCKET" --host h -p web -e daily -s disk/home -r nonsense.pub 2>&1 | plainly
echo "exit ${PIPESTATUS[0]}"
snapshots disk/home/.stream_backup_daily

now 'the next one has all that changed since the last that is stored'
for number in 6 7 8 9 10; do
    change "$number"
    backup -e daily -s disk/home -q || ends
    beside "$number"
done
snapshots disk/home/.stream_backup_daily
dumps

now 'to another disk'
restore -e daily -s other 2>&1 | plainly
echo "exit ${PIPESTATUS[0]}"

now 'each of them, file by file'
number=0
for snapshot in other/*; do
    what "$snapshot" | cmp - "tree-$number" && echo "$number: the same"
    number=$((number + 1))
done
sha256sum tree-* | cut -c 1-64 | sort -u | wc -l

now 'again: there is nothing to do'
restore -e daily -s other | plainly
ends

now 'proven without restoring: what is in the bucket, and what is in the seal'
btrfs-send-to-s3 verify -b "$S3_BUCKET" -p web -e daily -q
ends
btrfs-send-to-s3 verify -b "$S3_BUCKET" -p web -e daily -i me.key | plainly | tail -n 2
ends
