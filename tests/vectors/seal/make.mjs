// Makes the vectors beside it, with other people's cryptography (npm's @noble packages) and nothing of ours:
//
//   npm install --no-save age-encryption@0.3.1 && node make.mjs
//
// Every vector is text, an empty line, and the stream:
//
//   expect: success | header | no key | payload     what opening it comes to
//   content: N                                      its content: the first N bytes of what `seq 1000000` prints
//   passphrase: TEXT                                opened with that instead of identities.txt
//   age: no                                         old versions of age can't judge it
//   about: what is special
import { writeFileSync, readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { scrypt } from '@noble/hashes/scrypt.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { bech32 } from '@scure/base';
import { HybridRecipient } from './node_modules/age-encryption/dist/recipients.js';

const text = (string) => new TextEncoder().encode(string);
const join = (...parts) => Buffer.concat(parts.map((part) => typeof part === 'string' ? Buffer.from(part) : Buffer.from(part)));
const base64 = (bytes) => Buffer.from(bytes).toString('base64').replace(/=+$/, '');
let drawn = 0;
// Nothing here is secret, and every run makes the same files (but for the post-quantum ones).
const random = (size) => { drawn += 1; return hkdf(sha256, text('vector'), undefined, text(`${drawn}`), size); };

const PIECE = 65536;
const secret = random(32), other = random(32);
const fileKey = random(16), nonce = random(16);
const numbers = Buffer.from(Array.from({ length: 60000 }, (_, n) => `${n + 1}\n`).join(''));
const content = (length) => numbers.subarray(0, length);

const wrap = (key, plain) => chacha20poly1305(key, new Uint8Array(12)).encrypt(plain);
const stanza = (words, body) => {
  const encoded = base64(body);
  const lines = encoded.match(/.{64}/g) ?? [];
  lines.push(encoded.slice(lines.length * 64));
  return `-> ${words.join(' ')}\n${lines.join('\n')}\n`;
};
const forX25519 = (scalar, key = fileKey, share) => {
  const ephemeral = random(32);
  const recipient = x25519.getPublicKey(scalar);
  const sent = share ?? x25519.getPublicKey(ephemeral);
  const agreed = share ? new Uint8Array(32) : x25519.getSharedSecret(ephemeral, recipient);
  const wrapping = hkdf(sha256, agreed, join(sent, recipient), text('age-encryption.org/v1/X25519'), 32);
  return stanza(['X25519', base64(sent)], wrap(wrapping, key));
};
const forPassphrase = (passphrase, work, written = `${work}`) => {
  const salt = random(16);
  const wrapping = scrypt(text(passphrase), join('age-encryption.org/v1/scrypt', salt), { N: 2 ** work, r: 8, p: 1, dkLen: 32 });
  return stanza(['scrypt', base64(salt), written], wrap(wrapping, fileKey));
};
const mac = (covered) => hmac(sha256, hkdf(sha256, fileKey, undefined, text('header'), 32), text(covered));
const header = (stanzas, { version = 'age-encryption.org/v1', change = (line) => line } = {}) => {
  const covered = `${version}\n${stanzas}---`;
  return `${covered} ${change(base64(mac(covered)))}\n`;
};
const seal = (number, last, plain) => {
  const key = hkdf(sha256, fileKey, nonce, text('payload'), 32);
  const iv = Buffer.alloc(12);
  iv.writeBigUInt64BE(BigInt(number), 3);
  iv[11] = last ? 1 : 0;
  return chacha20poly1305(key, iv).encrypt(plain);
};
const pieces = (plain) => {
  const sealed = [];
  for (let at = 0; at === 0 || at < plain.length; at += PIECE) {
    sealed.push(seal(at / PIECE, at + PIECE >= plain.length, plain.subarray(at, at + PIECE)));
  }
  return sealed;
};
const payload = (plain) => join(nonce, ...pieces(plain));
const flip = (bytes, at) => { const copy = Buffer.from(bytes); copy[at] ^= 1; return copy; };

const vector = (name, facts, ...stream) => {
  const lines = Object.entries(facts).map(([key, value]) => `${key}: ${value}\n`).join('');
  writeFileSync(new URL(`${name}.vector`, import.meta.url), join(lines, '\n', ...stream));
};
const good = (name, about, length, ...stream) => vector(name, { expect: 'success', content: length, about }, ...stream);
const bad = (name, expect, about, ...stream) => vector(name, { expect, about }, ...stream);

const mine = forX25519(secret), plainHeader = header(mine);
const encode = (prefix, bytes) => bech32.encodeFromBytes(prefix, bytes).toUpperCase();
writeFileSync(new URL('identities.txt', import.meta.url),
  `# Anybody may know these: they open the vectors here.\n${encode('AGE-SECRET-KEY-', secret)}\n${readFileSync(new URL('pq.txt', import.meta.url), 'utf8').split('\n')[1]}\n`);

// What is to be opened.
good('one-piece', 'a short one', 100, plainHeader, payload(content(100)));
good('empty', 'no content: the only empty piece that is allowed', 0, plainHeader, payload(content(0)));
good('whole-piece', 'the last piece is full', PIECE, plainHeader, payload(content(PIECE)));
good('piece-and-byte', 'the last piece is one byte', PIECE + 1, plainHeader, payload(content(PIECE + 1)));
good('two-pieces', 'the last piece is full', 2 * PIECE, plainHeader, payload(content(2 * PIECE)));
good('several-recipients', 'the second stanza is ours', 100, header(forX25519(other) + mine), payload(content(100)));
good('unknown-stanza', 'stanzas of unknown types are passed over', 100,
  header(stanza(['joint-grease', 'oil!'], random(40)) + mine + stanza(['x'], new Uint8Array(0))), payload(content(100)));
good('full-line', 'a body of whole lines ends in an empty one', 100, header(stanza(['x'], random(96)) + mine), payload(content(100)));
vector('passphrase', { expect: 'success', content: 100, passphrase: 'correct horse', about: 'scrypt, little work' },
  header(forPassphrase('correct horse', 10)), payload(content(100)));
good('armor', 'as text', 100,
  `-----BEGIN AGE ENCRYPTED FILE-----\n${join(plainHeader, payload(content(100))).toString('base64').match(/.{1,64}/g).join('\n')}\n-----END AGE ENCRYPTED FILE-----\n`);
const packed = (program, ...args) => execFileSync(program, args, { input: content(200000), maxBuffer: 1 << 24 });
vector('zstd', { expect: 'success', content: 200000, age: 'no', about: 'compressed' }, plainHeader, payload(packed('zstd', '-c')));
vector('zstd-twice', { expect: 'success', content: 200000, age: 'no', about: 'two frames, with one between them that means nothing' }, plainHeader,
  payload(join(execFileSync('zstd', ['-c'], { input: content(1000) }), Buffer.from('5e2a4d1803000000616263', 'hex'),
    execFileSync('zstd', ['-c'], { input: content(200000).subarray(1000) }))));
vector('bzip2-twice', { expect: 'success', content: 200000, age: 'no', about: 'two streams' }, plainHeader,
  payload(join(execFileSync('bzip2', ['-c'], { input: content(1000) }), execFileSync('bzip2', ['-c'], { input: content(200000).subarray(1000) }))));
const recipient = new HybridRecipient(readFileSync(new URL('pq.txt', import.meta.url), 'utf8').split('\n')[0].slice('# public key: '.length));
const [hybrid] = recipient.wrapFileKey(fileKey);
vector('post-quantum', { expect: 'success', content: 100, age: 'no', about: 'ML-KEM-768 and X25519' },
  header(stanza(hybrid.args, hybrid.body)), payload(content(100)));

// Headers that are none.
const cases = {
  'mac': [header(mine, { change: (line) => line.slice(1, 10) + 'A' + line.slice(10) }), 'the MAC is another'],
  'mac-not-canonical': [header(mine, { change: (line) => line.slice(0, 42) + String.fromCharCode(line.charCodeAt(42) + 1) }), 'bits behind the MAC are set'],
  'mac-long': [header(mine, { change: (line) => line + 'A' }), 'the MAC is too long'],
  'mac-padded': [header(mine, { change: (line) => line + '=' }), 'the MAC has padding'],
  'version': [header(mine, { version: 'age-encryption.org/v2' }), 'a version that is not known'],
  'nobody': [header(''), 'no stanza'],
  'no-last-line': [header(stanza(['x'], random(48)).replace(/\n\n$/, '\n') + mine), 'a body of whole lines without the empty one'],
  'body-not-canonical': [header('-> x\nAB\n' + mine), 'bits behind the body are set'],
  'body-padded': [header('-> x\nAA==\n' + mine), 'a body has padding'],
  'body-wide': [header(`-> x\n${'A'.repeat(68)}\n\n` + mine), 'a line is too long'],
  'two-spaces': [header('-> x  y\n\n' + mine), 'an empty argument'],
  'not-visible': [header('-> x\ty\n\n' + mine), 'a tabulator in an argument'],
  'no-type': [header('-> \n\n' + mine), 'a stanza without a type'],
  'carriage-return': [header(mine).replaceAll('\n', '\r\n'), 'lines end as on Windows'],
  'stanza-changed': [header(mine).replace('X25519', 'X25518'), 'a stanza was changed after the MAC was made'],
  'stanza-added': [header(mine).replace('---', '-> x\n\n---'), 'a stanza was added after the MAC was made'],
  'share-of-low-order': [header(forX25519(secret, fileKey, new Uint8Array(32))), 'the share makes any key agree on zero'],
  'share-short': [header(stanza(['X25519', base64(random(31))], random(32)) + mine), 'a share of 31 bytes'],
  'arguments-many': [header(mine.replace(/\n/, ' more\n')), 'an X25519 stanza with two arguments'],
  'file-key-long': [header(forX25519(secret, random(32))), 'a file key of 32 bytes'],
  'passphrase-beside-others': [header(mine + forPassphrase('correct horse', 10)), 'a passphrase is not alone'],
};
for (const [name, [stream, about]] of Object.entries(cases)) {
  // Old versions look only at the stanza that they open.
  const judge = name === 'passphrase-beside-others' ? { age: 'no' } : {};
  vector(`header-${name}`, { expect: 'header', ...judge, about }, stream, payload(content(100)));
}
bad('header-cut', 'header', 'cut off in the header', plainHeader.slice(0, 100));
bad('header-only', 'header', 'cut off behind the header', plainHeader);
bad('nonce-cut', 'header', 'cut off in the nonce', plainHeader, nonce.subarray(0, 15));
for (const [name, work, written] of [['much', 10, '23'], ['zero', 10, '010'], ['sign', 10, '+10'], ['none', 10, '']]) {
  vector(`work-${name}`, { expect: 'header', passphrase: 'correct horse', about: `the work of a passphrase is written as '${written}'` },
    header(forPassphrase('correct horse', work, written)), payload(content(100)));
}
const short = join(hybrid.args[1] && Buffer.from(hybrid.args[1], 'base64').subarray(0, 1119));
vector('post-quantum-share-short', { expect: 'header', age: 'no', about: 'a share of 1119 bytes' },
  header(stanza(['mlkem768x25519', base64(short)], hybrid.body)), payload(content(100)));
const zeroed = Buffer.from(hybrid.args[1], 'base64'); zeroed.fill(0, 1088);
vector('post-quantum-share-of-low-order', { expect: 'header', age: 'no', about: 'the share makes the X25519 half zero for any key' },
  header(stanza(['mlkem768x25519', base64(zeroed)], hybrid.body)), payload(content(100)));
vector('post-quantum-arguments', { expect: 'header', age: 'no', about: 'one argument too many' },
  header(stanza([...hybrid.args, 'more'], hybrid.body)), payload(content(100)));

// Keys that don't fit.
bad('other-key', 'no key', 'for somebody else', header(forX25519(other)), payload(content(100)));
bad('body-damaged', 'no key', 'the wrapped file key is damaged, so it is nobody\'s', header(stanza(mine.split('\n')[0].slice(3).split(' '), random(32))), payload(content(100)));
vector('post-quantum-other-key', { expect: 'no key', age: 'no', about: 'damaged, so it is nobody\'s' },
  header(stanza(hybrid.args, flip(hybrid.body, 3))), payload(content(100)));
vector('passphrase-other', { expect: 'no key', passphrase: 'battery staple', about: 'another passphrase' },
  header(forPassphrase('correct horse', 10)), payload(content(100)));

// Payloads that are not whole.
// Two pieces show nearly everything; whole ones are large.
const two = pieces(content(PIECE + 1000)), full = pieces(content(PIECE)), three = pieces(content(2 * PIECE + 10));
const broken = {
  'none': [[], 'nothing behind the nonce'],
  'cut-at-piece': [two.slice(0, 1), 'cut off between two pieces'],
  'cut-in-piece': [[two[0], two[1].subarray(0, 500)], 'cut off in the last piece'],
  'cut-in-tag': [[full[0].subarray(0, PIECE + 15)], 'cut off in a tag'],
  'cut-to-tag': [[two[0], two[1].subarray(0, 10)], 'what is left is shorter than a tag'],
  'byte-more': [[...two, Buffer.from([0])], 'one byte more than there should be'],
  'piece-more': [[...full, seal(1, true, content(10))], 'a whole stream, and another end'],
  'piece-again': [[...full, full[0]], 'the last piece twice'],
  'stream-again': [[...two, plainHeader, payload(content(100))], 'another stream behind it'],
  'order': [[three[1], three[0], three[2]], 'two pieces have changed places'],
  'piece-missing': [[three[0], three[2]], 'a piece is missing in the middle'],
  'first-missing': [[two[1]], 'the first piece is missing'],
  'first-flipped': [[flip(two[0], 0), two[1]], 'a bit of the first piece is another'],
  'last-flipped': [[two[0], flip(two[1], 5)], 'a bit of the last piece is another'],
  'tag-flipped': [[flip(two[0], PIECE + 3), two[1]], 'a bit of a tag is another'],
  'empty-end': [[seal(0, false, content(PIECE)), seal(1, true, content(0))], 'an empty last piece behind a full one'],
  'no-end': [[seal(0, false, content(100))], 'a last piece that is not marked'],
  'two-ends': [[seal(0, true, content(PIECE)), seal(1, true, content(10))], 'a piece in the middle that is marked'],
  'short-middle': [[seal(0, false, content(1000)), seal(1, true, content(10))], 'a piece in the middle that is not full'],
  'long-piece': [[seal(0, true, content(PIECE + 1))], 'a piece of more than 64 KiB'],
};
for (const [name, [parts, about]] of Object.entries(broken)) {
  bad(`payload-${name}`, 'payload', about, plainHeader, nonce, ...parts);
}
bad('payload-nonce', 'payload', 'another nonce', plainHeader, flip(nonce, 0), ...pieces(content(100)));

// What is sealed is sound, what is in it isn't.
const inside = packed('zstd', '-c');
for (const [name, bytes, about] of [
  ['zstd-cut', inside.subarray(0, inside.length - 100), 'zstd, cut off before it was sealed'],
  ['zstd-damaged', flip(inside, 2000), 'zstd, damaged before it was sealed'],
  ['zstd-and-more', join(inside, 'more'), 'something behind a frame'],
  ['bzip2-cut', packed('bzip2', '-c').subarray(0, 9000), 'bzip2, cut off before it was sealed'],
  ['bzip2-and-more', join(packed('bzip2', '-c'), 'more'), 'something behind a stream'],
]) {
  vector(`inside-${name}`, { expect: 'payload', age: 'no', about }, plainHeader, payload(bytes));
}
vector('armor-cut', { expect: 'payload', about: 'armor without its end' },
  `-----BEGIN AGE ENCRYPTED FILE-----\n${join(plainHeader, payload(content(1000))).toString('base64').match(/.{1,64}/g).join('\n')}\n`);
vector('armor-and-more', { expect: 'payload', about: 'something behind the armor' },
  `-----BEGIN AGE ENCRYPTED FILE-----\n${join(plainHeader, payload(content(1000))).toString('base64').match(/.{1,64}/g).join('\n')}\n-----END AGE ENCRYPTED FILE-----\nmore\n`);
