# on: file s3serve radosgw
# What continues a long member, and a member of that name, don't replace each other.

. "$CASES/lib.sh"
s3put -q --make-bucket

# stored OPTION...: stores two members, the first of them in two objects
stored() {
    s3put -q --members m --part-size 5M --max-object 5M "$@" | jq -c '[.key, .size, (.objects // [] | map(.key))]'
    printf '%s\n' "${PIPESTATUS[*]}"
}

mkdir t
seq 1000000 >t/big
echo one >t/big:1
now "the long one comes first"
tar c --format=pax -C t big big:1 | stored
tar c --format=pax -C t big:1 | stored --overwrite
s3get --members m | tar xO big | cmp - t/big && echo same
now "and is itself replaced"
tar c --format=pax -C t big | stored --overwrite
now "the other one comes first"
tar c --format=pax -C t ./big:1 --transform 's/big/later/' | stored
tar c --format=pax -C t big --transform 's/big/later/' | stored --overwrite
s3get --members m --only m/later:1 | tar xO
s3ls --all -j | jq -r '.key // empty' | grep later
