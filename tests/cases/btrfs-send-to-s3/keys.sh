# needs: btrfs mkfs.btrfs mount flock pkill getfattr ssh-keygen openssl
# For whom a dump is sealed: keys of age, post-quantum ones, RSA keys of ssh and in PEM, several; or nobody.

. "$CASES/lib.sh"
. "$CASES/btrfs-send-to-s3/lib.sh"
s3put -q --make-bucket
disk disk
disk other
subvolume disk/home
tree disk/home
what disk/home >tree

# go EPOCH IDENTITY... -- RECIPIENT...: there and back
go() {
    local epoch=$1 identity=()
    shift
    while [ "$1" != -- ]; do
        identity+=("$1")
        shift
    done
    now "$epoch"
    btrfs-send-to-s3 stream_backup -q -b "$S3_BUCKET" --host h -e "$epoch" -s disk/home "${@:2}" || ends
    s3get -q -k "$(s3ls -q -0 -a | tr '\0' '\n' | grep ":$epoch:")" | s3seal --inspect 2>&1 | grep -e '^recipient' -e 'sealed: no'
    btrfs-send-to-s3 restore_backup -q -b "$S3_BUCKET" -e "$epoch" -s other "${identity[@]}" || ends
    what other/* | cmp - tree && echo 'the same'
    btrfs -q subvolume delete other/*
}
key me
key pq --pq
ssh-keygen -q -t rsa -b 2048 -N '' -f rsa -C 'me@example'
openssl genrsa -out pem.key 2048 2>/dev/null
chmod 600 pem.key
openssl rsa -in pem.key -pubout -out pem.pub 2>/dev/null
openssl rsa -in pem.key -traditional -out pem1.key 2>/dev/null
chmod 600 pem1.key
openssl rsa -in pem.key -RSAPublicKey_out -out pem1.pub 2>/dev/null

go age -i me.key -- -r me.pub
go age-itself -i me.key -- -r "$(<me.pub)"
go post-quantum -i pq.key -- -r pq.pub
go ssh -i rsa -- -r rsa.pub
go ssh-itself -i rsa -- -r "$(<rsa.pub)"
go pem -k pem.key -- -k pem.pub
go pem-pkcs1 -k pem1.key -- -k pem1.pub
go two -i rsa -- -r me.pub -r rsa.pub
go nobody --plain -- --plain

now 'none is named'
btrfs-send-to-s3 stream_backup -q -b "$S3_BUCKET" -e nothing -s disk/home
ends
btrfs-send-to-s3 restore_backup -q -b "$S3_BUCKET" -e age -s other
ends
now 'not a key'
btrfs-send-to-s3 stream_backup -q -b "$S3_BUCKET" -e nothing -s disk/home -k tree
ends
btrfs-send-to-s3 stream_backup -q -b "$S3_BUCKET" -e nothing -s disk/home -r nowhere.pub 2>&1 | plainly | grep -v 'host:\|could not store'
echo "exit ${PIPESTATUS[0]}"
snapshots disk/home/.stream_backup_nothing
