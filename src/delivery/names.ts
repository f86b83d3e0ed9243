/**
 * What the names of receivers mean: the file of hosts first, then the name servers and the search list of `resolv.conf`, both read anew
 * each time. Names are asked for over sockets of our own. The platform's lookup (getaddrinfo) blocks one of few threads for as
 * long as a name hangs, so two names that nobody answers would delay those of every other endpoint. It keeps no answer.
 *
 * Other sources that a machine may have configured (mDNS, LDAP) are not asked. Which addresses may be called is decided
 * elsewhere.
 */
import type { LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { type Clock, pause } from '../lib/clock.ts';

export interface NamesOptions {
  readonly hostsFile: string;
  readonly resolvConf: string;
  /** `ADDRESS:PORT` of the name servers; null = those of `resolvConf`. */
  readonly servers: readonly string[] | null;
}

/** What `resolv.conf` says of names, beside the servers. */
export interface SearchRules {
  readonly domains: readonly string[];
  /** A name with fewer dots is looked for in the search list first. */
  readonly ndots: number;
}

type Addresses = readonly LookupAddress[];

/** Who is asked, by the `resolv.conf` of the text. */
interface Asked {
  readonly text: string;
  /** Knows all servers; goes from one that is silent to the next, and remembers which ones are. */
  readonly all: Resolver;
  /** Each knows one of several servers; empty when there is one only. */
  readonly each: readonly Resolver[];
}

const SYSTEM: NamesOptions = { hostsFile: '/etc/hosts', resolvConf: '/etc/resolv.conf', servers: null };
/**
 * First wait for a name server, ms, which doubles up to a limit with each further try. c-ares begins with less at a server that it knows to be
 * quick. So with one server a name is given up after 5 to 14 s.
 */
const ANSWER_MS = 2000;
const ANSWER_MS_MAX = 4000;
const TRIES = 4;
const NDOTS_MAX = 15;
/** How long, ms, addresses of one family wait for those of the other: some name servers never answer the question for IPv6. */
const GRACE_MS = 250;
/** Codes of answers by which a server says that it cannot tell; another one may. c-ares hands them on and asks nobody else. */
const UNABLE: ReadonlySet<unknown> = new Set(['ESERVFAIL', 'EREFUSED', 'ENOTIMP']);
/** Codes of answers: there is no such name, or it has no such address, or it cannot be a name. */
const ABSENT: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME']);

export class Names {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #options: NamesOptions;
  readonly #asked = new Map<string, Promise<Addresses>>();
  #servers: Asked | null = null;

  constructor(clock: Pick<Clock, 'after'>, options: Partial<NamesOptions> = {}) {
    this.#clock = clock;
    this.#options = { ...SYSTEM, ...options };
  }

  /**
   * The addresses of a name, IPv4 first; those of one family alone when the question for the other is not answered soon after. Who asks while an answer to the same name is awaited gets that answer.
   * Rejects with the code of the platform: ENOTFOUND for a name without address, ETIMEOUT when no server answers, and others.
   */
  readonly resolve = (name: string): Promise<Addresses> => {
    const asked = this.#asked.get(name);
    if (asked) return asked;
    const asking = this.#find(name).finally(() => this.#asked.delete(name));
    this.#asked.set(name, asking);
    return asking;
  };

  /** Ends what is being asked; it rejects. */
  cancel(): void {
    this.#servers?.all.cancel();
    for (const one of this.#servers?.each ?? []) one.cancel();
  }

  async #find(name: string): Promise<Addresses> {
    const { hostsFile, resolvConf } = this.#options;
    const [hosts, text] = await Promise.all([textOf(hostsFile), textOf(resolvConf)]);
    const known = hostAddresses(hosts, name);
    if (known.length > 0) return known;
    const servers = this.#serversOf(text);
    let failed: unknown = null;
    for (const candidate of candidatesOf(name, searchRules(text))) {
      try {
        const found = await ask(servers, candidate, this.#clock);
        if (found.length > 0) return found;
      } catch (error) {
        // As glibc does: when all servers fail for one domain of the list, that does not end the search; silence does.
        if (codeOf(error) !== 'ESERVFAIL') throw error;
        failed ??= error;
      }
    }
    throw failed ?? Object.assign(new Error('the name has no address'), { code: 'ENOTFOUND' });
  }

  #serversOf(text: string): Asked {
    if (this.#servers?.text === text) return this.#servers;
    const all = new Resolver({ timeout: ANSWER_MS, maxTimeout: ANSWER_MS_MAX, tries: TRIES });
    if (this.#options.servers) all.setServers(this.#options.servers);
    const addresses = all.getServers();
    const each = addresses.length > 1 ? addresses.map(resolverOf) : [];
    this.#servers = { text, all, each };
    return this.#servers;
  }
}

/** What a file of hosts says of a name; empty = nothing. `localhost` always means this machine. */
export function hostAddresses(text: string, name: string): Addresses {
  const wanted = bare(name);
  const found: LookupAddress[] = [];
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const family = isIP(address);
    if (family !== 0 && names.some((one) => bare(one) === wanted)) found.push({ address, family });
  }
  if (found.length > 0 || !/(^|\.)localhost$/.test(wanted)) return found.sort((a, b) => a.family - b.family);
  return [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
}

/** Reads the search list and `ndots` of a `resolv.conf`; the last of several lists counts. */
export function searchRules(text: string): SearchRules {
  let domains: readonly string[] = [];
  let ndots = 1;
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'search') domains = values;
    else if (keyword === 'domain') domains = values.slice(0, 1);
    else if (keyword === 'options') {
      for (const value of values) {
        const dots = /^ndots:(\d+)$/.exec(value)?.[1];
        if (dots !== undefined) ndots = Math.min(Number(dots), NDOTS_MAX);
      }
    }
  }
  return { domains, ndots };
}

/** The full names that a name may stand for, in the order in which they are tried. One that ends with a dot is full already. */
export function candidatesOf(name: string, { domains, ndots }: SearchRules): string[] {
  if (name.endsWith('.')) return [bare(name)];
  const searched = domains.map((domain) => `${name}.${bare(domain)}`).filter((one) => !one.endsWith('.'));
  const dots = name.split('.').length - 1;
  return dots >= ndots ? [name, ...searched] : [...searched, name];
}

/** Asks one server, once: what it is asked has been asked before, and there are others. */
function resolverOf(server: string): Resolver {
  const resolver = new Resolver({ timeout: ANSWER_MS, tries: 1 });
  resolver.setServers([server]);
  return resolver;
}

/** The addresses of a full name: of both families, or of one when the other is still unheard of after the grace. */
async function ask(servers: Asked, name: string, clock: Pick<Clock, 'after'>): Promise<Addresses> {
  const found: LookupAddress[] = [];
  const asking = ([4, 6] as const).map(async (family) => {
    for (const address of await askFamily(servers, name, family)) found.push({ address, family });
  });
  const ended = new AbortController();
  const all = Promise.allSettled(asking).finally(() => ended.abort());
  const one = Promise.any(asking).then(() => pause(clock, GRACE_MS, ended.signal));
  await Promise.race([all, one.catch(() => all)]);
  // A copy: what is heard later must not get among addresses that somebody has judged.
  if (found.length > 0) return found.toSorted((a, b) => a.family - b.family);
  for (const answer of await all) {
    if (answer.status === 'rejected' && !ABSENT.has(codeOf(answer.reason))) throw answer.reason;
  }
  return [];
}

/** The addresses of one family. A server that cannot tell, or is silent, is followed by the next; that there are none is an answer. */
async function askFamily({ all, each }: Asked, name: string, family: 4 | 6): Promise<readonly string[]> {
  const by = (resolver: Resolver): Promise<string[]> =>
    family === 4 ? resolver.resolve4(name) : resolver.resolve6(name);
  let failed: unknown;
  try {
    return await by(all);
  } catch (error) {
    if (!UNABLE.has(codeOf(error))) throw error;
    failed = error;
  }
  for (const resolver of each) {
    try {
      return await by(resolver);
    } catch (error) {
      if (ABSENT.has(codeOf(error)) || codeOf(error) === 'ECANCELLED') throw error;
      failed = error;
    }
  }
  throw failed;
}

/** A file's text; a file that is not there, or not for us, says nothing. Any other failure could change what names mean. */
async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EACCES') return '';
    throw error;
  }
}

function bare(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}
