# A receipt that is not what was printed is refused before anything is done.

. "$CASES/lib.sh"
s3put -q --make-bucket
echo data | s3put --prepare -k data >receipt
echo more | s3put --prepare -k more >more

changed() { jq -c "$1" receipt | s3put --commit; ends; }
changed '.size = 6'
changed '.crc64nvme = "AAAAAAAAAAA="'
changed '.objects[0].key = "more"'
changed '.key = "more" | .objects[0].key = "more"'
changed '.objects[0].upload = "x\r\nHost: evil"'
changed '.objects[0].parts[0][0] = -1'
changed '.objects[0].parts = []'
changed '.objects = []'
changed '.s3pipes = "prepared/2"'
changed '.bucket = "file:///a/../b"'

now 'not all of it, not JSON, not text'
head -c 100 receipt | s3put --commit
ends
{ cat more; echo 'not a receipt'; } | s3put --commit
ends
head -c 1000 /dev/zero | s3put --abort
ends

now 'wrong calls'
s3put --commit home 0 <receipt
ends
s3put home 0 --commit <receipt
ends
s3put --commit --prepare <receipt
ends
s3put --abort home 0 <receipt
ends
s3put --prepare </dev/null
ends

now 'nothing was committed by all this, and it still can be'
s3ls -a
cat receipt more | s3put --commit | jq -r .key
