# A directory becomes a bucket when somebody asks for it: a disk that isn't mounted is not made up.

. "$CASES/lib.sh"
name=(--host ember --date 2019-11-30 /home 0)

now 'nothing makes a bucket on its own'
echo 'data' | s3put "${name[@]}"
ends
s3ls --host ember
ends
s3get "${name[@]}"
ends
s3prune --host ember --keep-last 1
ends
ls "$BUCKET_DIR"

now 'asked for, it is made; its parent must exist'
s3put -q --make-bucket
ends
echo 'data' | s3put "${name[@]}" | jq .size
cat "$BUCKET_DIR/ember:/home:0:2019-11-30"
s3put -b "file://$PWD/not/there" --make-bucket
ends
ls

now 'a directory full of other things is no bucket'
mkdir photos
echo 'a photo' >photos/1
echo 'data' | s3put -b "file://$PWD/photos" "${name[@]}"
ends
s3ls -b "file://$PWD/photos" --host ember
ends
ls -A photos
