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

const SYSTEM: NamesOptions = { hostsFile: '/etc/hosts', resolvConf: '/etc/resolv.conf', servers: null };
/**
 * First wait for a name server, ms, which doubles up to a limit with each further try. c-ares begins with less at a server that it knows to be
 * quick. So with one server a name is given up after 5 to 14 s.
 */
const ANSWER_MS = 2000;
const ANSWER_MS_MAX = 4000;
const TRIES = 4;
const NDOTS_MAX = 15;
/** Codes of answers: there is no such name, or it has no such address, or it cannot be a name. */
const ABSENT: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME']);

export class Names {
  readonly #options: NamesOptions;
  readonly #asked = new Map<string, Promise<Addresses>>();
  /** Knows the servers of the text that it was made for. */
  #resolver: { readonly text: string; readonly resolver: Resolver } | null = null;

  constructor(options: Partial<NamesOptions> = {}) {
    this.#options = { ...SYSTEM, ...options };
  }

  /**
   * All addresses of a name, IPv4 first. Who asks while an answer to the same name is awaited gets that answer.
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
    this.#resolver?.resolver.cancel();
  }

  async #find(name: string): Promise<Addresses> {
    const { hostsFile, resolvConf } = this.#options;
    const [hosts, text] = await Promise.all([textOf(hostsFile), textOf(resolvConf)]);
    const known = hostAddresses(hosts, name);
    if (known.length > 0) return known;
    const resolver = this.#resolverFor(text);
    let failed: unknown = null;
    for (const candidate of candidatesOf(name, searchRules(text))) {
      try {
        const found = await ask(resolver, candidate);
        if (found.length > 0) return found;
      } catch (error) {
        // As the platform does: a server that fails for one domain of the list does not end the search, silence does.
        if (codeOf(error) !== 'ESERVFAIL') throw error;
        failed ??= error;
      }
    }
    throw failed ?? Object.assign(new Error('the name has no address'), { code: 'ENOTFOUND' });
  }

  #resolverFor(text: string): Resolver {
    if (this.#resolver?.text === text) return this.#resolver.resolver;
    const resolver = new Resolver({ timeout: ANSWER_MS, maxTimeout: ANSWER_MS_MAX, tries: TRIES });
    if (this.#options.servers) resolver.setServers(this.#options.servers);
    this.#resolver = { text, resolver };
    return resolver;
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

async function ask(resolver: Resolver, name: string): Promise<Addresses> {
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  const found: LookupAddress[] = [];
  for (const [at, answer] of answers.entries()) {
    if (answer.status === 'fulfilled')
      for (const address of answer.value) found.push({ address, family: at === 0 ? 4 : 6 });
  }
  if (found.length > 0) return found;
  for (const answer of answers) {
    if (answer.status === 'rejected' && !ABSENT.has(codeOf(answer.reason))) throw answer.reason;
  }
  return [];
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
