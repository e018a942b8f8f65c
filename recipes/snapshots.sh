# shellcheck shell=bash
# What differs between the snapshots of btrfs and those of zfs. It is sourced, not run.
#
# Every function exists twice, as btrfs_NAME and zfs_NAME. They know the subvolume, dataset or directory in `volume`, and where
# the snapshots of an epoch are in `above`, and end with the status of the program that did the work.
#
# An ID is SECONDS-LEVEL, perhaps with @EPOCH.LEVEL behind it; while it is not stored, or not restored, with .new behind.

# shellcheck disable=SC2034,SC2154 # volume is the recipe's; what is set here is for it
id_form='^([0-9]+)-([0-9]+)(@(.+)\.([0-9]+))?$'

# btrfs_place EPOCH, zfs_place EPOCH: sets `above` so that the snapshot ID is "$above$(spelt ID)".
btrfs_place() { above=${volume%/}/.stream_backup_$1/; }
zfs_place() { above=$volume@stream_backup_$1:; }

# in_place ID: sets `snapshot` to its whole name. ZFS knows no second @, and an epoch has no colon.
in_place() {
    snapshot=$above$1
    [[ $kind == btrfs ]] || snapshot=$above${1/@/:}
}

btrfs_check() {
    [[ -d $volume ]] || failed "could not find $volume"
    [[ $(stat -f -c %T -- "$volume") == btrfs ]] || failed "could not use $volume: it is not on btrfs"
    ((EUID == 0)) || failed 'could not begin: btrfs lets only root send and receive'
}
zfs_check() { :; }

# btrfs_ids, zfs_ids: the IDs below `above`, one a line. Where a subvolume was rolled back there are empty directories of
# these names: they are none.
btrfs_ids() {
    local path
    for path in "$above"[0-9]*; do
        ! btrfs_exists "$path" || printf '%s\n' "${path##*/}"
    done
}
zfs_ids() {
    local name
    zfs list -H -d 1 -t snapshot -o name "$volume" 2>/dev/null | while IFS= read -r name; do
        [[ $name == "$above"* ]] || continue
        name=${name#"$above"}
        printf '%s\n' "${name/:/@}"
    done
}

btrfs_take() { btrfs -q subvolume snapshot -r "$volume" "$snapshot"; }
zfs_take() { zfs snapshot "$snapshot"; }

btrfs_remove() { btrfs -q subvolume delete "$1"; }
zfs_remove() { zfs destroy "$1"; }

btrfs_rename() { mv -T -- "$1" "$2"; }
zfs_rename() { zfs rename "$1" "$2"; }

# btrfs_noted, zfs_noted: sets `noted_as` to where the dumps of an epoch go, and `noted` to the date of the last one that was
# tried, stored or not. btrfs_note, zfs_note: notes this run's. Of ZFS nothing is noted.
btrfs_noted() {
    noted_as='' noted=0
    [[ ! -e ${above}last ]] || { IFS= read -r noted_as && IFS= read -r noted; } <"${above}last"
}
zfs_noted() { noted_as='' noted=0; }
btrfs_note() {
    [[ -d $above ]] || mkdir -m 700 -- "$above" || return
    printf '%s\n' "$stored_as" "$seconds" >"${above}last.new" && mv -- "${above}last.new" "${above}last"
}
zfs_note() { :; }

# btrfs_send [PARENT], zfs_send [PARENT]: sets `send` to the command that writes `snapshot`.
btrfs_send() { send=(btrfs send -q ${1:+-p "$1"} "$snapshot"); }
zfs_send() { send=(zfs send ${1:+-i "$1"} "$snapshot"); }

# btrfs_exists NAME, zfs_exists NAME
btrfs_exists() { [[ -d $1 && $(stat -c %i -- "$1") == 256 ]]; }
zfs_exists() { zfs list -H -t snapshot -o name "$1" >/dev/null 2>&1; }

btrfs_receive() { btrfs receive -q "$volume"; }
zfs_receive() { zfs receive -u "$volume"; }

# btrfs_lock, zfs_lock: sets `held` to a descriptor that another run's would be the same file as. Of btrfs that is the
# subvolume or directory itself, by whatever path; programs that are started hold it as well, until they end.
btrfs_lock() { exec {held}<"$volume"; }
zfs_lock() {
    local folder=/run/lock
    [[ -w $folder ]] || folder=${XDG_RUNTIME_DIR:-${TMPDIR:-/tmp}}
    exec {held}>>"$folder/btrfs-send-to-s3:${volume//\//:}"
}
