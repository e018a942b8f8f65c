# shellcheck shell=bash
# What the cases of the recipe have in common. A case begins with:  . "$CASES/lib.sh"; . "$CASES/s3backup/lib.sh"

PATH=$(cd "$CASES/../../recipes" && pwd):$PATH
export XDG_STATE_HOME=$PWD/state
here=$(uname -n)
here=${here%%.*}

# ini: the configuration of s3backup.py, with a password that must never be seen
ini() {
    (umask 077 && printf '[main]\npassword=%s\n' 'pass;word ?!' >s3backup.ini)
}

# quick_ini: one with a key, where the password is not what it is about: opening takes a second for each dump with that
quick_ini() {
    (umask 077 && s3seal -q --keygen >key.txt && sed -n 's/^# public key: //p' key.txt >recipients.txt &&
        printf '[main]\nrecipients=recipients.txt\nidentity=key.txt\n' >s3backup.ini)
}

# plainly COMMAND...: runs it, gives what differs from run to run a fixed name, and says how it ended
plainly() {
    "$@" 2>&1 | plain
    printf 'exit %s\n' "${PIPESTATUS[0]}"
}
plain() {
    sed -E "s/\<$here:/HERE:/g; s/ of $here in/ of HERE in/
        s/(Starting at: )[-0-9]+ [:0-9]+/\1NOW/; s/used: [0-9]+ seconds/used: N seconds/
        s/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{6}Z/TIME/g; s#[^ /]*-[0-9a-f]{12}\.(known|running)#NAME-ID.\1#g
        s/: [1-9][0-9]* of [0-9]+ chunks, [0-9]+ bytes/: SOME of N chunks, SIZE bytes/
        s/: 0 of [0-9]+ chunks, [0-9]+ bytes/: 0 of N chunks, SIZE bytes/
        s/upload: [0-9]+ chunks, [1-9][0-9]* of/upload: N chunks, SOME of/; s/upload: [0-9]+ chunks, 0 of/upload: N chunks, 0 of/"
}

# keys: of all backups, the oldest first
keys() { s3backup -q -a list | sed 's/^  //'; }

# noise SEED SIZE: bytes that don't repeat, the same every time
noise() { perl -e 'srand(shift); my $n = shift; print pack "N*", map { rand(2 ** 32) } 1 .. $n / 4' "$@"; }

# everything: what is in the bucket, and what is known of it
everything() {
    s3ls -q -a -j --no-checksum 2>/dev/null
    [[ ! -e state ]] || find state -type f -name '*.known' -exec sha256sum {} +
}

# old_object FILE: stores it as s3backup.py did: encrypted, under the MD5 sum of what it was
old_object() {
    local sum
    sum=$(md5sum <"$1")
    old_encrypt <"$1" | s3put -q -k "${sum%% *}" >/dev/null
}
old_encrypt() { openssl enc -aes-256-cbc -md md5 -salt -pass 'pass:pass;word ?!' 2>/dev/null; }
old_line() {
    local sum
    sum=$(md5sum <"$1")
    printf '%s %s\n' "${sum%% *}" "$2"
}
