# shellcheck shell=bash
# What the cases about older data have in common. A case begins with:  . "$CASES/lib.sh"; . "$CASES/s3get/lib.sh"

# older KEY: stores standard input as a piece of a dump, as older programs did
older() { s3put -q -k "$1" >/dev/null; }
