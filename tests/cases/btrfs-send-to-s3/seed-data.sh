# needs: btrfs mkfs.btrfs mount age lz4 split openssl jq getfattr
# What the scripts of that name have stored, in both of their formats, is restored by what s3recipes(7) says.

. "$CASES/lib.sh"
. "$CASES/btrfs-send-to-s3/lib.sh"
s3put -q --make-bucket
disk disk
disk other
key me
mv me.key key.txt
subvolume disk/home
tree disk/home
head -c 3000000 /dev/urandom >disk/home/random
mkdir disk/home/.stream_backup_daily
(umask 077 && openssl genrsa -out private.pem 2048 2>/dev/null)
openssl rsa -in private.pem -pubout -out public.pem 2>/dev/null
export first
# store SEQUENCE: a snapshot as chunks, each of them sealed by the command in $seal
store() {
    local now=disk/home/.stream_backup_daily/$1
    btrfs -q subvolume snapshot -r disk/home "$now"
    # shellcheck disable=SC2016 # for the shell of split
    btrfs -q send ${parent:+-p "$parent"} "$now" | lz4 -q | WHERE=$where/$1_0123456789abcdef \
        split -b 1M --suffix-length 4 --filter "$seal"' | s3put -q -k "$WHERE/$FILE" >/dev/null'
    parent=$now
}
# said MARK: the commands that stand below that mark in the manual
said() { sed -n "/^\.\\\\\" $1\$/,/^\.Ed/p" "$CASES/../../man/s3recipes.7" | grep -v '^\.' | sed 's,/restore,other,'; }
# restored: beside what it was made from
restored() {
    snapshots other
    what disk/home >tree
    what other/1711545600 | cmp - tree && echo 'the same'
    btrfs -q subvolume delete other/*
}

now 'with age: two that are complete, and one whose upload broke off'
export where=web/daily seal='age -R me.pub'
parent=
store 1711459200
btrfs subvolume show "$parent" | age -R me.pub | s3put -q -k "$where/1711459200_0123456789abcdef/snapshot_info.dat" >/dev/null
echo more >>disk/home/hello
store 1711545600
btrfs subvolume show "$parent" | age -R me.pub | s3put -q -k "$where/1711545600_0123456789abcdef/snapshot_info.dat" >/dev/null
store 1711632000
s3ls -q -a -j --no-checksum | jq -r .key | cut -d _ -f 1 | sort | uniq -c
said 'The older data: age' >commands
grep -c . commands
(. ./commands)
ends
restored

now 'with openssl'
export where=old/daily seal='openssl enc -aes-256-cbc -md sha512 -pbkdf2 -pass file:password'
parent=
btrfs -q subvolume delete disk/home/.stream_backup_daily/*
for sequence in 1711459200 1711545600; do
    # Half of a password that may hold anything is what openssl used, if there is a line feed or a NUL in it.
    { head -c 20 /dev/urandom | tr -d '\0\n'; printf '\n'; head -c 11 /dev/urandom; } >password
    store "$sequence"
    openssl pkeyutl -encrypt -pubin -inkey public.pem -in password | s3put -q -k "$where/${sequence}_0123456789abcdef/btrfs_sess_key_enc.dat" >/dev/null
done
said 'The older data: openssl' | sed 's,web/daily,old/daily,' >commands
grep -c . commands
(. ./commands)
ends
restored
