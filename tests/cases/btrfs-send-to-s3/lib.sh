# shellcheck shell=bash
# What the cases of the recipe have in common. A case begins with:
#   . "$CASES/lib.sh"; . "$CASES/btrfs-send-to-s3/lib.sh"

PATH=$(cd "$CASES/../../recipes" && pwd):$PATH
unmount() {
    local at
    mount | awk -v here="$PWD/" 'index($3, here) == 1 {print $3}' | tac | while read -r at; do umount "$at"; done
}
trap unmount EXIT

# disk NAME: a btrfs in a file, mounted on the directory NAME; without the right or the means the case ends here
disk() {
    truncate -s 300M "$1.img"
    mkfs.btrfs -q "$1.img" >mkfs.log 2>&1
    mkdir "$1"
    if [ "$(id -u)" != 0 ] || ! mount -o loop "$1.img" "$1" 2>/dev/null; then
        echo 'SKIPPED: a btrfs on a loop device can not be mounted here'
        exit
    fi
}

# subvolume PATH: a new one
subvolume() { btrfs -q subvolume create "$1"; }

# key NAME [OPTION]: an identity in NAME.key and its recipient in NAME.pub
key() {
    (umask 077 && s3seal -q --keygen "${@:2}" >"$1.key")
    sed -n 's,^# public key: ,,p' "$1.key" >"$1.pub"
}

# backup, restore: the recipe, with what is the same each time
backup() { btrfs-send-to-s3 stream_backup -b "$S3_BUCKET" --host h -p web -r me.pub "$@"; }
restore() { btrfs-send-to-s3 restore_backup -b "$S3_BUCKET" -p web -i me.key "$@"; }

# plainly: what differs from run to run gets a name; the moments are numbered in the order in which they are first seen
plainly() (
    touch moments
    mapfile -t moments <moments
    while IFS= read -r line; do
        out=
        while [[ $line =~ ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{6}Z)(~[0-9a-f]{16})?|([0-9]{10})- ]]; do
            word=${BASH_REMATCH[0]} moment=${BASH_REMATCH[1]} name=DATE rest=${BASH_REMATCH[2]:+~RANDOM}
            if [[ -n ${BASH_REMATCH[3]} ]]; then
                TZ=UTC printf -v moment '%(%Y-%m-%dT%H%M%SZ)T' "${BASH_REMATCH[3]}"
                name=SECONDS rest=-
            fi
            number=0
            while ((number < ${#moments[@]})) && [[ ${moments[number]} != "$moment" ]]; do number=$((number + 1)); done
            if ((number == ${#moments[@]})); then
                moments+=("$moment")
                printf '%s\n' "$moment" >>moments
            fi
            out+=${line%%"$word"*}$name$((number + 1))$rest
            line=${line#*"$word"}
        done
        printf '%s\n' "$out$line"
    done | sed 's/, [0-9]* bytes$/, N bytes/'
)

# what DIR: all that is in it: kinds, rights, owners, times, contents, links, extended attributes
what() (
    cd "$1" || exit
    find . -path './.stream_backup_*' -prune -o -mindepth 1 -printf '%P\t%y %m %U:%G %s %T@ %n %l\n' | LC_ALL=C sort
    find . -path './.stream_backup_*' -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
    find . -path './.stream_backup_*' -prune -o -mindepth 1 -print0 | LC_ALL=C sort -z | xargs -0 -r getfattr -h -d -m - --
)

# snapshots PATH: what is in a directory of them
snapshots() { find "$1" -mindepth 1 -maxdepth 1 ! -name last -printf '%f\n' | LC_ALL=C sort | plainly; }

# dumps: what is in the bucket
dumps() { s3ls -q -0 -a | tr '\0' '\n' | plainly; }
