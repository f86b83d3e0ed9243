/** A self-signed certificate for 127.0.0.1, made in memory, so that no key lies in the repository and none expires. */
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';

export interface SelfSigned {
  readonly cert: string;
  readonly key: string;
}

/** Makes a certificate (P-256) that is its own authority, valid for a day around now. */
export function selfSigned(): SelfSigned {
  const { publicKey, privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const ecdsaSha256 = sequence(oid('06082a8648ce3d040302'));
  const name = sequence(tag(0x31, sequence(oid('0603550403'), tag(0x0c, Buffer.from('lead-webhooks test')))));
  const day = 24 * 60 * 60 * 1000;
  const validity = sequence(time(new Date(Date.now() - day)), time(new Date(Date.now() + day)));
  const extensions = sequence(
    extension('0603551d11', sequence(tag(0x87, Buffer.from([127, 0, 0, 1])))),
    extension('0603551d13', sequence(tag(0x01, Buffer.from([0xff])))),
  );
  const body = sequence(
    tag(0xa0, tag(0x02, Buffer.from([2]))),
    tag(0x02, Buffer.from([1])),
    ecdsaSha256,
    name,
    validity,
    name,
    publicKey,
    tag(0xa3, extensions),
  );
  const signature = sign('sha256', body, createPrivateKey(privateKey));
  const der = sequence(body, ecdsaSha256, tag(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return { cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`, key: privateKey };
}

function tag(number: number, content: Buffer): Buffer {
  const length = content.length;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([number, ...size]), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return tag(0x30, Buffer.concat(parts));
}

function oid(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}

function extension(id: string, content: Buffer): Buffer {
  return sequence(oid(id), tag(0x04, content));
}

function time(date: Date): Buffer {
  return tag(0x18, Buffer.from(`${date.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`));
}
