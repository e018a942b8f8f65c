# What is no receipt teaches nothing, and is passed on.

. "$CASES/lib.sh"
. "$CASES/s3chunk/lib.sh"
noise 1 100000 | s3chunk -q --known k >stream
id=$(id <stream)
now=$(date +%s)
try() {
    s3chunk --learn k >passed
    ends
    wc -c <passed
    [ -e k ] && echo 'LEARNED'
}

now 'nothing'
printf '' | try
echo | try
now 'something else'
echo 'hello' | try
echo '{}' | try
echo '{"s3pipes":"receipt/2"}' | try
echo '{"s3pipes":"prepared/1"}' | try
receipt "$id" "$now" | jq -c 'del(.chunks)' | try
receipt "$id" "$now" | jq -c '.chunks.id = "0"' | try
receipt "$id" "$now" | jq -c 'del(.started)' | try
receipt "$id" "$now" | jq -c 'del(.key)' | try
receipt "$id" "$now" | jq -c '.key = "two\nlines"' | try
receipt "$id" 0 | try
receipt "$id" -5 | try
{ receipt "$id" "$now"; receipt "$id" "$now"; } | try
now 'another dump'
receipt 00112233445566778899aabbccddeeff "$now" | try
now 'the pending file is still there'
ls k* | sed 's/\(pending-\).*/\1ID/'
receipt "$id" "$now" key | s3chunk --learn k | jq -r .key
ls k* | sed 's/\(pending-\).*/\1ID/'

now 'what refers to dumps in one place is not in another'
noise 1 100000 | s3chunk -q --known k >stream
receipt "$(id <stream)" "$now" key file:///elsewhere | s3chunk --learn k 2>&1 >passed | mask
echo "exit ${PIPESTATUS[1]}"
jq -r .bucket passed
receipt "$(id <stream)" "$now" key | s3chunk --learn k >passed
ends
