# needs: btrfs mkfs.btrfs mount flock pkill getfattr
# Where a subvolume can be: mounted by its name, at the top of the file system, with others in it; and epochs whose names
# begin alike.

. "$CASES/lib.sh"
. "$CASES/btrfs-send-to-s3/lib.sh"
s3put -q --make-bucket
disk disk
disk other
key me
subvolume disk/@home
tree disk/@home
mkdir home 'with space'
mount -o loop,subvol=@home disk.img home

# compare PATH: the last snapshot that was restored with what is at PATH, then it is removed
compare() {
    local last
    last=$(find other -mindepth 1 -maxdepth 1 | sort | tail -n 1)
    what "$1" >tree
    what "$last" | cmp - tree && echo 'the same'
    btrfs -q subvolume delete other/*
}

now 'mounted with subvol=: increments too'
backup -q -e daily -s home
echo more >>home/hello
backup -e daily -s home/ -d 2>&1 | plainly
snapshots home/.stream_backup_daily
restore -q -e daily -s other
compare home

now 'the same subvolume by another path: it goes on'
echo more >>home/hello
backup -q -e daily -s disk/@home
restore -e daily -s other 2>&1 | plainly | grep -c ^Restoring
compare home

now 'onto the file system that it is of'
mkdir disk/restored
restore -q -e daily -s disk/restored
ends
last=$(find disk/restored -mindepth 1 -maxdepth 1 | sort | tail -n 1)
what disk/@home >tree
what "$last" | cmp - tree && echo 'the same'
btrfs -q subvolume delete disk/restored/*

now 'epochs whose names begin alike, each with its own parents'
for epoch in daily-1 daily-10 daily-1.new; do
    backup -q -e "$epoch" -s home
done
for epoch in daily-1 daily-10; do
    echo "$epoch" >>home/hello
    backup -q -e "$epoch" -s home
done
dumps | sed 's/DATE.*//'
restore -q -e daily-1 -s other
sed -n '$p' other/*-1/hello
btrfs -q subvolume delete other/*
restore -q -e daily-10 -s other
compare home

now 'the top of the file system; subvolumes in it are not in it'
subvolume disk/@home/nested
subvolume 'disk/with space'
echo top >disk/file
backup -e top -s disk 2>&1 | plainly | grep warning
echo more >>disk/file
backup -q -e top -s disk 2>/dev/null
dumps | grep top | sed 's/DATE.*//'
restore -q -e top -s other
cat other/*-1/file
ls other/*-1
btrfs -q subvolume delete other/*

now 'below it: one in it, and not the snapshots'
backup -e nested -s home 2>&1 | plainly | grep warning

now 'a path and names with spaces'
echo 1 >'disk/with space/file'
backup -q -e 'my epoch' -p 'my web' -s 'disk/with space'
btrfs-send-to-s3 list -b "$S3_BUCKET" -p 'my web' --chain -e 'my epoch' | plainly | sed 's/DATE.*//'
mkdir 'other/to here'
restore -q -e 'my epoch' -p 'my web' -s 'other/to here'
cat 'other/to here'/*/file
btrfs -q subvolume delete 'other/to here'/*
rmdir 'other/to here'

now 'snapshots of others are left alone'
mkdir 'disk/with space/.stream_backup_daily'
btrfs -q subvolume snapshot -r 'disk/with space' 'disk/with space/.stream_backup_daily/1711459200'
backup -e daily -p space -s 'disk/with space' 2>&1 | plainly | grep 'full'
snapshots 'disk/with space/.stream_backup_daily' | sed 's/SECONDS[0-9]*/SECONDS/'

now 'rolled back: what stands where the snapshots were is none'
btrfs -q subvolume snapshot "$(find disk/@home/.stream_backup_daily -name '*-2')" disk/@rolled
echo back >>disk/@rolled/hello
find disk/@rolled/.stream_backup_daily -name '*-1' | wc -l
backup -e daily -p rolled -s disk/@rolled 2>&1 | plainly | grep 'full\|error'
echo more >>disk/@rolled/hello
backup -q -e daily -p rolled -s disk/@rolled
restore -q -e daily -p rolled -s other
compare disk/@rolled

now 'what is no subvolume'
backup -e daily -s home/a 2>&1 | grep -v '^[A-Z]'
echo "exit ${PIPESTATUS[0]}"
for epoch in a:b a/b a@b .new ''; do
    backup -q -e "$epoch" -s home
    ends
done
umount home
