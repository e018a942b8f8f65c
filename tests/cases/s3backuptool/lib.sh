# shellcheck shell=bash
# What the cases of the recipe have in common. A case begins with:  . "$CASES/lib.sh"; . "$CASES/s3backuptool/lib.sh"

PATH=$(cd "$CASES/../../recipes" && pwd):$PATH
umask 022
mkdir db src out
s3put -q --make-bucket

# section NAME LINE...: adds a section to the configuration, whose path is the folder NAME
section() {
    local name=$1
    shift
    printf '%s\n' "[$name]" "path = $PWD/$name" "db_location = $PWD/db" "s3_bucket = $S3_BUCKET" "$@" >>conf
    chmod 600 conf
}

# tool WORD...: the recipe, with the configuration; speeds differ from run to run
tool() {
    s3backuptool -c conf "$@" 2>&1 | sed 's/^100% *[0-9.]* [KMGT]*i*B/100%  SPEED/'
    return "${PIPESTATUS[0]}"
}

# stored [NAME]: the keys below the section NAME, or of all
stored() { s3ls -q -a -j --no-checksum 2>/dev/null | jq -r .key | grep "^${1-}" | sed "s,$PWD,HERE,"; }

# as_it_is: what tells whether anything was stored anew
as_it_is() { s3ls -q -a -j --no-checksum 2>/dev/null | jq -r '[.key, .etag, .modified] | @tsv'; }

# rows [COLUMNS]: the rows of the database of src
rows() { sqlite3 db/src.db "SELECT ${1:-filepath} FROM files ORDER BY filepath" | sed "s,$PWD,HERE,g"; }


# same DIR DIR: whether both hold the same
same() {
    if cmp <(contents "$1") <(contents "$2") && cmp <(inventory "$1") <(inventory "$2"); then
        echo same
    else
        echo DIFFERENT
    fi
}

# contents DIR: the sums of all files in it
contents() { (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r md5sum); }

# inventory DIR: types, modes, owners, times and targets of all in it, and of itself
inventory() { (cd "$1" && find . -printf '%p\t%y %m %U:%G %T@ %l\0' | LC_ALL=C sort -z); }
