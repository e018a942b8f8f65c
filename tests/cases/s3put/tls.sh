# on: s3serve
# needs: socat openssl
# A server with a certificate of our own: the tools go there if they are told whom to trust, and not otherwise.

. "$CASES/lib.sh"
s3put -q --make-bucket
plain=${AWS_ENDPOINT_URL_S3#http://}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj '/CN=Our own CA' \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign -keyout ca.key -out ca.pem 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=our server' -keyout server.key -out server.csr 2>/dev/null
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.pem 2>/dev/null \
    -extfile <(printf '%s\n' basicConstraints=critical,CA:FALSE subjectAltName=IP:127.0.0.1 extendedKeyUsage=serverAuth)

# The system chooses the port, and socat tells which.
socat -d -d OPENSSL-LISTEN:0,bind=127.0.0.1,fork,cert=server.pem,key=server.key,verify=0 "TCP:$plain" 2>socat.log &
socat=$!
trap 'kill "$socat"' EXIT
listens() { grep -q 'listening on' socat.log; }
comes_true listens
port=$(sed -n 's/.*listening on .*127\.0\.0\.1:\([0-9]*\)$/\1/p' socat.log)
export AWS_ENDPOINT_URL_S3=https://127.0.0.1:$port
{
now 'with --ca'
seq 2000000 >numbers
s3put --ca ca.pem -q --host ember --date 2019-11-30 --part-size 5M numbers 0 <numbers | jq -c '[.key, .size, .parts]'
s3get --ca ca.pem --host ember --date 2019-11-30 numbers 0 | cmp - numbers
echo "exit ${PIPESTATUS[*]}"

now 'with AWS_CA_BUNDLE'
echo 'a word' | AWS_CA_BUNDLE=ca.pem s3put -q --host ember --date 2019-11-30 word 0 | jq -r .key
AWS_CA_BUNDLE=ca.pem s3get --host ember --date 2019-11-30 word 0
ends

now 'without either nobody knows who it is'
echo 'a word' | s3put --patience 0 --host ember --date 2019-11-30 word 1
ends
s3get --patience 0 --host ember --date 2019-11-30 word 0
ends

now 'nor with the certificate of somebody else'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj '/CN=Another CA' -keyout other.key -out other.pem 2>/dev/null
s3get --patience 0 --ca other.pem --host ember --date 2019-11-30 word 0
ends

now 'what is there'
AWS_ENDPOINT_URL_S3=http://$plain s3ls -q -0 --host ember | tr '\0' '\n'
} 2>&1 | sed "s/127\.0\.0\.1:$port/127.0.0.1:PORT/g"
