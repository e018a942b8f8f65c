# The rate is halved and doubled from outside, while the bytes flow.

. "$CASES/lib.sh"
mkfifo stream said
s3rate 64G <stream >copy 2>said &
rate=$!
exec 3>stream 4<said
head -c 3000000 /dev/zero >&3
for signal in USR1 USR1 USR2; do
    kill -s "$signal" "$rate"
    read -r line <&4
    echo "$signal: $line"
done
head -c 3000000 /dev/zero >&3
exec 3>&-
wait "$rate"
ends
wc -c <copy
