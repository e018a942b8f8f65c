# on: file s3serve
# --prefix puts together what somebody cut into numbered pieces, whatever made them.

. "$CASES/lib.sh"
s3put -q --make-bucket

for number in 0 1 2 9 10 11 100; do
    echo "piece $number" | s3put -q -k "stream.$number" | jq -r .key
done
echo 'something else' | s3put -q -k 'streams' | jq -r .key
s3get --prefix stream.
ends

now 'as split(1) names them'
seq 9 | split -l 3 - x
for file in x??; do s3put -q -k "cut/$file" <"$file" | jq -r .key; done
s3get --prefix cut/ | cmp - <(seq 9) && echo same

now 'a prefix and a name are two things'
s3get --prefix x /home 0
ends
s3get --prefix x -k y
ends
