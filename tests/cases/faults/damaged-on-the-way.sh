# What is read back is proven: a byte that changed on the way, or is missing, is never passed off as the dump.
# on: s3serve
# fault: GetObject#1:flip=100000
# fault: GetObject#2:cut=70000
. "$CASES/lib.sh"
seq 100000 >numbers
s3put -q -k a <numbers >/dev/null

now 'a byte is wrong'
s3get -k a >got
ends
cmp -s got numbers || echo different

now 'the connection breaks in the middle: the rest is asked for'
s3get -k a | cmp - numbers && echo same
