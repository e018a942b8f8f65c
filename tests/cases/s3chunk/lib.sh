# shellcheck shell=bash
# What the cases have in common. A case begins with:  . "$CASES/lib.sh"; . "$CASES/s3chunk/lib.sh"

. "$CASES/s3put/lib.sh"

# noise SEED SIZE: bytes that don't repeat, the same every time
noise() { perl -e 'srand(shift); my $n = shift; print pack "N*", map { rand(2 ** 32) } 1 .. $n / 4' "$@"; }

# receipt ID STARTED [KEY [PLACE]]: what s3put would say
receipt() {
    jq -nc --arg id "$1" --argjson started "$2" --arg key "${3:-key of $1}" --arg place "${4:-file:///backups}" \
        '{s3pipes: "receipt/1", bucket: $place, key: $key, started: $started, chunks: {id: $id}}'
}

# mask: ids are random
mask() { sed -E "s/[0-9a-f]{32}/ID/g"; }

# id: of the chunk stream on standard input
id() { head -c 1024 | grep -ao 'S3PIPES.id=.*' | cut -d= -f2; }

# unpack STREAM DIR: its members, as files
unpack() { rm -rf "$2" && mkdir "$2" && tar x -C "$2" -f "$1"; }

# part STREAM DIR POSITIONS: the form `part` of an unpacked stream that refers to no other
part() {
    local span number members=()
    for span in ${3//,/ }; do
        for ((n = ${span%-*}; n <= ${span#*-}; n++)); do
            number=$(s3chunk --list <"$1" | awk -v n="$n" '$1 == n { printf "%010d", $5 }')
            members+=("c/$number" "@$2/c/$number")
        done
    done
    archive "$(id <"$1")" part "${members[@]}"
}
