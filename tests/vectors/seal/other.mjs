// The other implementation, as a program: keygen | recipient <identities | seal RECIPIENTS | open IDENTITIES.
import { readFileSync, writeSync } from 'node:fs';
import * as age from 'age-encryption';

const [verb, file] = process.argv.slice(2);
const input = () => readFileSync(0);
const secret = (text) => text.split('\n').find((line) => line.startsWith('AGE-SECRET-KEY-'));
const write = (bytes) => { for (let at = 0; at < bytes.length;) at += writeSync(1, bytes, at); };

if (verb === 'keygen') {
  const identity = await age.generateHybridIdentity();
  write(Buffer.from(`# public key: ${await age.identityToRecipient(identity)}\n${identity}\n`));
} else if (verb === 'recipient') {
  write(Buffer.from(`${await age.identityToRecipient(secret(input().toString()))}\n`));
} else if (verb === 'seal') {
  const encrypter = new age.Encrypter();
  readFileSync(file, 'utf8').trim().split('\n').forEach((line) => encrypter.addRecipient(line));
  write(await encrypter.encrypt(new Uint8Array(input())));
} else {
  const decrypter = new age.Decrypter();
  decrypter.addIdentity(secret(readFileSync(file, 'utf8')));
  write(await decrypter.decrypt(new Uint8Array(input())));
}
