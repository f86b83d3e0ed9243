/** Certificates for 127.0.0.1, self-signed or of an authority, made in memory, so that no key lies in the repository and none expires. */
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';

export interface SelfSigned {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority, and the certificates that it gives out. */
export interface Authority {
  readonly cert: string;
  /** A certificate for 127.0.0.1 by this common name; its key is PKCS #8. */
  issue(commonName: string): SelfSigned;
}

/** Makes a certificate (P-256) that is its own authority, valid for a day around now. */
export function selfSigned(): SelfSigned {
  const pair = keyPair();
  return {
    cert: certificate('lead-webhooks test', pair.publicKey, { name: 'lead-webhooks test', ...pair }),
    key: pair.privateKey,
  };
}

/** Makes an authority whose certificates are valid as long. */
export function authority(name = 'lead-webhooks test authority'): Authority {
  const own = { name, ...keyPair() };
  return {
    cert: certificate(name, own.publicKey, own),
    issue(commonName) {
      const { publicKey, privateKey } = keyPair();
      return { cert: certificate(commonName, publicKey, own), key: privateKey };
    },
  };
}

function keyPair(): { readonly publicKey: Buffer; readonly privateKey: string } {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

let serial = 0;

/** An issuer that signs its own key makes an authority; what it signs for others may not sign. */
function certificate(
  commonName: string,
  publicKey: Buffer,
  issuer: { name: string; publicKey: Buffer; privateKey: string },
): string {
  serial++;
  const ecdsaSha256 = sequence(oid('06082a8648ce3d040302'));
  const day = 24 * 60 * 60 * 1000;
  const validity = sequence(time(new Date(Date.now() - day)), time(new Date(Date.now() + day)));
  const signs = publicKey === issuer.publicKey ? [tag(0x01, Buffer.from([0xff]))] : [];
  const extensions = sequence(
    extension('0603551d11', sequence(tag(0x87, Buffer.from([127, 0, 0, 1])))),
    extension('0603551d13', sequence(...signs)),
  );
  const body = sequence(
    tag(0xa0, tag(0x02, Buffer.from([2]))),
    tag(0x02, Buffer.from([1, serial >> 8, serial & 255])),
    ecdsaSha256,
    distinguishedName(issuer.name),
    validity,
    distinguishedName(commonName),
    publicKey,
    tag(0xa3, extensions),
  );
  const signature = sign('sha256', body, createPrivateKey(issuer.privateKey));
  const der = sequence(body, ecdsaSha256, tag(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function distinguishedName(commonName: string): Buffer {
  return sequence(tag(0x31, sequence(oid('0603550403'), tag(0x0c, Buffer.from(commonName)))));
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
