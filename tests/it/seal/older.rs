//! Containers of older programs.

use super::{lacks, script};

#[test]
fn containers_of_older_programs() {
    if lacks("containers of OpenSSL", &["openssl", "lz4", "python3"]) {
        return;
    }
    script(
        "echo 'correct horse' >word; echo 'battery staple' >wrong
        head -c 1048576 /dev/urandom >mib; head -c 31 text >short
        for file in nothing short piece text mib large; do
            for way in 'md5:-md md5' 'sha256:-md sha256' 'pbkdf2:-pbkdf2' 'pbkdf2:77:-pbkdf2 -iter 77' \\
                'pbkdf2-sha512:-pbkdf2 -md sha512'; do
                name=${way%:*} options=${way##*:}
                openssl enc -aes-256-cbc $options -pass file:word -in $file -out sealed 2>/dev/null
                s3seal -d --seed openssl-$name --passphrase-file word <sealed | cmp - $file
            done
        done
        # What an older program stored: compressed, then sealed.
        lz4 -c <text 2>/dev/null | openssl enc -aes-256-cbc -pbkdf2 -md sha512 -pass file:word |
            s3seal -d --seed openssl-pbkdf2-sha512 --passphrase-file word | cmp - text
        openssl enc -aes-256-cbc -md md5 -pass file:word -in mib -out sealed 2>/dev/null
        says() {
            fails s3seal -d --seed $1 --passphrase-file word >/dev/null 2>said
            grep -q \"$2\" said
        }
        head -c 1000 sealed | says openssl-md5 'it is cut off'
        head -c 10 sealed | says openssl-md5 'it is cut off'
        head -c 160 sealed | says openssl-md5 'the passphrase is wrong, or the data is damaged'
        says openssl-md5 \"it doesn't begin with Salted__\" <text
        cat >pack.py <<'END'
import hashlib, os, subprocess, sys
data = sys.stdin.buffer.read()
iv, salt = os.urandom(16), os.urandom(32)
key = hashlib.pbkdf2_hmac('sha1', b'correct horse', salt, 5000, 32)
padded = data + b' ' * (-len(data) % 16)
sealed = subprocess.run(['openssl', 'enc', '-aes-256-cbc', '-nopad', '-K', key.hex(), '-iv', iv.hex()],
                        input=padded, stdout=subprocess.PIPE, check=True).stdout
sys.stdout.buffer.write(len(data).to_bytes(8, 'little') + iv + salt + sealed)
END
        for file in nothing short piece text mib; do
            python3 pack.py <$file >sealed
            s3seal -d --seed s3backuptool --passphrase-file word <sealed | cmp - $file
        done
        head -c 4088 sealed | says s3backuptool 'it is cut off'
        { cat sealed; head -c 16 random; } | says s3backuptool 'it is longer than it says'
        # Eleven bytes of padding are spaces by chance once in 2^88.
        printf 'hello' | python3 pack.py >sealed
        cp wrong word
        says s3backuptool 'the passphrase is wrong, or the data is damaged' <sealed",
    );
}
