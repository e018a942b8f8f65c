# shellcheck shell=bash
# What the cases about chunk streams have in common: a chunk stream made by hand, as doc/format/chunk-stream.md has it.
# A case begins with:  . "$CASES/lib.sh"; . "$CASES/s3put/lib.sh"

one=$(printf '1%.0s' {1..32})
two=$(printf '2%.0s' {1..32})
three=$(printf '3%.0s' {1..32})

# archive ID FORM [NAME CONTENT]...: a chunk stream of that form, with these members. @FILE is the content of a file
archive() {
    perl -e '
        my ($id, $form, %none) = (shift, shift);
        sub block {
            my ($name, $kind, $size) = @_;
            my $block = pack "a100 a8 a8 a8 a12 a12 A8 a1 a100 a6 a2 a64 a8 a8 x167", $name, "0000600", "0000000",
                "0000000", sprintf("%011o", $size), "00000000000", "", $kind, "", "ustar", "00", "", "0000000", "0000000";
            substr($block, 148, 8) = sprintf "%06o\0 ", unpack "%32C*", $block;
            return $block;
        }
        sub record {
            my $rest = " S3PIPES.$_[0]=$_[1]\n";
            my $length = length($rest) + 2;
            return $length . $rest;
        }
        my $records = record(format => "chunks/1") . record(id => $id) . record(form => $form);
        print block("s3pipes", "g", length $records), pack "a512", $records;
        while (my ($name, $content) = splice @ARGV, 0, 2) {
            if ($content =~ s/^@//) {
                open my $file, "<", $content or die;
                local $/;
                $content = <$file>;
            }
            print block($name, "0", length $content), $content, "\0" x (-length($content) % 512);
        }
        print "\0" x 1024;
    ' "$@"
}

# refs ID [LINE]...: the text of refs
refs() {
    printf 's3pipes-refs/1\nid %s\ngrace 2592000\n' "$1"
    shift
    [ $# = 0 ] || printf '%s\n' "$@"
}

# alone ID: a chunk stream of two chunks that needs no other
alone() {
    archive "$1" new c/0000000000.zst.age 'first' c/0000000001.zst.age 'second' index.zst.age 'sealed' \
        refs "$(refs "$1" 'run 0 0 2 1' 'run 0 0 1 1')"$'\n'
}

# long ID: a chunk stream of a hundred chunks, 10 MB in all, that needs no other
long() {
    local big number
    big=$(head -c 100000 /dev/zero | tr '\0' a)
    archive "$1" new | head -c 1024
    for number in {0..99}; do
        archive "$1" new "$(printf 'c/%010d' "$number")" "$big" | tail -c +1025 | head -c -1024
    done
    archive "$1" new index i refs "$(refs "$1" 'run 0 0 100 1')"$'\n' | tail -c +1025
}

# copied FROM TO: an object in a local bucket, copied as another program may do it
copied() {
    local records=$BUCKET_DIR/.s3pipes/meta
    cp "$BUCKET_DIR/$1" "$BUCKET_DIR/$2"
    jq -c --arg key "$2" '.key = $key | .body = $key' "$records/$1%o" >copied && mv copied "$records/$2%o"
}

# later [ID]: a moment at which an hour is still left
later() { echo $(($(date +%s) + 3600)); }

# referring ID PLACE UNTIL [ID KEY]...: a chunk stream of one chunk, which also needs a chunk of each of these objects
referring() {
    local id=$1 lines=("place $2" "until $3") number=0
    shift 3
    while [ $# -gt 0 ]; do
        lines+=("object $((number += 1)) $1 $2")
        shift 2
    done
    lines+=('run 0 0 1 1')
    for ((; number > 0; number--)); do lines+=("run $number 0 1 1"); done
    archive "$id" new c/0000000000 'new' index 'plain' refs "$(refs "$id" "${lines[@]}")"$'\n'
}

# stored: what is there
stored() { s3ls -a -q -j --no-checksum 2>/dev/null | jq -r .key; }
