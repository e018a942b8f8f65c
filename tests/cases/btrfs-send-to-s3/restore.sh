# needs: btrfs mkfs.btrfs mount flock pkill getfattr age zstd
# Restores that go wrong in the middle of a chain: what is there stays, what is half there goes, the exit status says it,
# and the same command goes on once the reason is gone.

. "$CASES/lib.sh"
. "$CASES/btrfs-send-to-s3/lib.sh"
s3put -q --make-bucket
disk disk
disk other
key me
key somebody
subvolume disk/home
mkdir bin
for number in 0 1 2 3; do
    head -c 1000000 /dev/urandom >>disk/home/random
    what disk/home >"tree-$number"
    backup -q -e daily -s disk/home -d
done
dump=$(s3ls -q -0 -a | tr '\0' '\n' | grep daily:2)

# go [OPTION...]: a restore with what stands in bin, and what it leaves
go() {
    PATH=$PWD/bin:$PATH restore -e daily -s other "$@" 2>&1 | plainly
    echo "exit ${PIPESTATUS[0]}"
    snapshots other
}

now 'damage in the bucket, with -d'
cp "$BUCKET_DIR/$dump" good
printf 'damage' | dd of="$BUCKET_DIR/$dump" bs=1 seek=500000 conv=notrunc status=none
go -d
now 'nothing is received before the dump is found bad, where that is found first'
btrfs-send-to-s3 verify -b "$S3_BUCKET" -p web -e daily 2>&1 | plainly
echo "exit ${PIPESTATUS[0]}"
now 'what was read before can be used; and the rest once the dump is repaired'
what other/*-1 | cmp - tree-1 && echo 'the same'
cp good "$BUCKET_DIR/$dump"
go -d
what other/*-3 | cmp - tree-3 && echo 'the same'
btrfs -q subvolume delete other/*

now 'the receiver fails at the end of the second dump'
real=$(command -v btrfs)
cat >bin/btrfs <<END
#!/bin/bash
"$real" "\$@" || exit
[ "\$1" != receive ] || [ ! -e other/*-1.new ] || { echo 'the disk is full, say' >&2; exit 1; }
END
chmod +x bin/btrfs
go -q -d
now 'the restore is ended by SIGTERM in the middle of a dump'
cat >bin/btrfs <<END
#!/bin/bash
if [ "\$1" = receive ] && [ -e other/*-0 ]; then
    head -c 500000 | "$real" "\$@"
    kill -TERM "\$(<pid)"
    sleep 100 & echo \$! >sleeper
    wait
fi
exec "$real" "\$@"
END
PATH=$PWD/bin:$PATH bash -c 'echo $$ >pid; exec btrfs-send-to-s3 restore_backup -q -b "$S3_BUCKET" -p web -i me.key -e daily -s other' 2>/dev/null
ends
kill "$(<sleeper)"
snapshots other
now 'it is killed'
sed -i 's/kill -TERM .*/kill -KILL 0/' bin/btrfs
(PATH=$PWD/bin:$PATH setsid -w btrfs-send-to-s3 restore_backup -q -b "$S3_BUCKET" -p web -i me.key -e daily -s other; ends) 2>&1 | grep exit
snapshots other
rm bin/btrfs
go
for number in 0 1 2 3; do what other/*-$number | cmp - tree-$number && echo 'the same'; done
btrfs -q subvolume delete other/*

now 'a key that does not fit'
btrfs-send-to-s3 restore_backup -q -b "$S3_BUCKET" -p web -i somebody.key -e daily -s other 2>&1 | plainly
echo "exit ${PIPESTATUS[0]}"
snapshots other

now 'two at once'
restore -q -e daily -s other --at 2001-01-01 2>/dev/null
# shellcheck disable=SC2016 # words of the script
printf '#!/bin/bash\n[ "$1" != receive ] || { btrfs-send-to-s3 restore_backup -q -b "$S3_BUCKET" -p web -i me.key -e daily -s other/.; echo "exit $?" >&2; }\nexec %q "$@"\n' "$real" >bin/btrfs
chmod +x bin/btrfs
go -q -d

now 'to what is no btrfs, or not there'
mkdir plain
restore -q -e daily -s plain
ends
restore -q -e daily -s nowhere
ends

now 'by hand, without the recipe'
mkdir other/hand
s3ls --chain web/daily --host h | while read -r key; do
    s3get -q -k "$key" | s3seal -d -i me.key | btrfs -q receive other/hand || break
done
snapshots other/hand
what other/hand/*-3.new | cmp - tree-3 && echo 'the same'
now 'and without the tools'
mkdir other/stock
s3ls --chain web/daily --host h | while read -r key; do
    age -d -i me.key "$BUCKET_DIR/$key" | zstd -q -d | btrfs -q receive other/stock || break
done
what other/stock/*-3.new | cmp - tree-3 && echo 'the same'
