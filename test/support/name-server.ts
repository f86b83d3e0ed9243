/** A DNS server on the loopback that knows the A and AAAA records it is given, and is silent about what it shall be silent about. */
import { createSocket, type RemoteInfo } from 'node:dgram';
import { isIP } from 'node:net';
import { onTestFinished } from 'vitest';

/** Response codes by which a server says that it cannot tell. */
const UNABLE = { servfail: 2, notimp: 4, refused: 5 } as const;

/** Addresses of a name; 'silence' = no answer ever, the other words = the server cannot say. */
export type Answer = readonly string[] | 'silence' | keyof typeof UNABLE;

const TYPES = { 1: 4, 28: 6 } as const;
const HEADER_BYTES = 12;

/** A server with the names that it was asked for. */
export interface NameServer {
  /** `ADDRESS:PORT`. */
  readonly address: string;
  readonly asked: string[];
}

/** Answers by `answer` to a name and a family; an empty list = there is no such name. */
export async function nameServer(answer: (name: string, family: 4 | 6) => Answer): Promise<NameServer> {
  const asked: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (query: Buffer, from: RemoteInfo) => {
    const { name, type, end } = questionOf(query);
    asked.push(name);
    const said = answer(name, type === 28 ? 6 : 4);
    if (said !== 'silence') socket.send(reply(query.subarray(0, end), type, said), from.port, from.address);
  });
  await new Promise<void>((resolve) => void socket.bind(0, '127.0.0.1', resolve));
  onTestFinished(() => void socket.close());
  return { address: `127.0.0.1:${socket.address().port}`, asked };
}

function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function reply(question: Buffer, type: number, said: Exclude<Answer, 'silence'>): Buffer {
  const addresses = typeof said === 'string' ? [] : said;
  const family = type === 1 || type === 28 ? TYPES[type] : 0;
  const records = addresses.filter((address) => isIP(address) === family).map((address) => record(type, address));
  const header = Buffer.from(question.subarray(0, HEADER_BYTES));
  const code = typeof said === 'string' ? UNABLE[said] : addresses.length === 0 ? 3 : 0;
  header.writeUInt16BE(0x8180 + code, 2);
  header.writeUInt16BE(records.length, 6);
  header.fill(0, 8);
  return Buffer.concat([header, question.subarray(HEADER_BYTES), ...records]);
}

function record(type: number, address: string): Buffer {
  const bytes = type === 1 ? Buffer.from(address.split('.').map(Number)) : loopbackOf6(address);
  const head = Buffer.from([0xc0, HEADER_BYTES, 0, type, 0, 1, 0, 0, 1, 0, 0, bytes.length]); // for 256 s
  return Buffer.concat([head, bytes]);
}

/** `::N` as bytes: no test needs more of IPv6. */
function loopbackOf6(address: string): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16BE(Number.parseInt(address.slice(2), 16), 14);
  return bytes;
}
