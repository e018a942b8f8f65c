# shellcheck shell=bash
# What the cases of s3probe have in common. A case begins with:  . "$CASES/lib.sh"; . "$CASES/s3probe/lib.sh"

PATH=$(cd "$CASES/../../recipes" && pwd):$PATH

# creating, writing COMMAND...: runs it with the key that may only create, or only write
creating() { AWS_ACCESS_KEY_ID=creator AWS_SECRET_ACCESS_KEY=creatorsecret "$@"; }
writing() { AWS_ACCESS_KEY_ID=writer AWS_SECRET_ACCESS_KEY=writersecret "$@"; }

# plainly COMMAND...: runs it with the random names of canaries made plain; says how it ended
plainly() {
    "$@" 2>&1 | sed 's/\(s3probe-canary-\)[0-9a-f]\{32\}/\1XXX/g'
    printf 'exit %s\n' "${PIPESTATUS[0]}"
}

# the second key, in a settings file
printf '%s\n' 'access_key_id test' 'secret_access_key testsecret' >admin.keys
