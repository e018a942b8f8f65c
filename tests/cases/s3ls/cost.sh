# on: file s3serve
# What storing it all costs, by storage class, with prices of one's own.

. "$CASES/lib.sh"
s3put -q --make-bucket
cat >prices <<'END'
date      2026-01-01
currency  EUR
region    cellar
source    https://example.org/prices
class  STANDARD     1000   0     0  0  0
class  STANDARD_IA   500  30  128k  0  0
END
head -c 10485760 /dev/zero | s3put -q --host ember --date 2019-11-30 / 0 | jq -r .class
head -c 1000 /dev/zero | s3put -q --host ember --date 2019-11-30 -i /rare 0 | jq -r .class
head -c 2000 /dev/zero | s3put -q --host ember --date 2019-11-30 --storage-class GLACIER /cold 0 | jq -r .class

s3ls -q -a --cost --prices prices
ends
s3ls -a -q --prices prices | tail -n 1
S3PIPES_PRICES=prices s3ls -a -q | tail -n 1
now 'the table that is built in says where it is from'
s3ls -q -a --cost | tail -n 1 | grep -c 'Prices of 20..-..-..'
now 'a table that makes no sense is refused'
echo 'class STANDARD cheap' >prices
s3ls -q -a --cost --prices prices
ends
s3ls -q -a --cost --prices no-such-file
ends
