/**
 * What the process says about itself. *Live*: no watchdog has fired, so a restart would not help. *Ready*: started, not stopping, and
 * every readiness check is good. Checks are functions that others register; they answer at once from what they know and never ask
 * Kafka or the network, or a slow broker would get every process restarted.
 */

export interface CheckResult {
  readonly ok: boolean;
  /** One plain phrase, also when all is well: `joined, 4 tasks running`. No personal data. */
  readonly reason: string;
}

export type Check = () => CheckResult;

export interface HealthReport {
  readonly ok: boolean;
  readonly checks: Readonly<Record<string, CheckResult>>;
}

type Phase = 'starting' | 'started' | 'stopping';

export class Health {
  #phase: Phase = 'starting';
  readonly #readiness = new Map<string, Check>();
  readonly #liveness = new Map<string, Check>();

  /** Adds a readiness check (one of the same name is replaced); the function returned removes it. */
  onReady(name: string, check: Check): () => void {
    return register(this.#readiness, name, check);
  }

  /** Adds a watchdog: not ok = only a restart helps. The function returned removes it. */
  onLive(name: string, check: Check): () => void {
    return register(this.#liveness, name, check);
  }

  /** Everything that registers checks has done so: from now on the checks decide. */
  started(): void {
    if (this.#phase === 'starting') this.#phase = 'started';
  }

  /** A stop has begun: not ready any more, whatever the checks say. */
  stopping(): void {
    this.#phase = 'stopping';
  }

  /** Live: answering at all shows that the event loop turns; the watchdogs say the rest. */
  live(): HealthReport {
    return report(this.#liveness, []);
  }

  /** Ready to do its work. */
  ready(): HealthReport {
    return report(this.#readiness, [['process', { ok: this.#phase === 'started', reason: this.#phase }]]);
  }
}

function register(checks: Map<string, Check>, name: string, check: Check): () => void {
  checks.set(name, check);
  return () => {
    if (checks.get(name) === check) checks.delete(name);
  };
}

function report(checks: ReadonlyMap<string, Check>, first: readonly [string, CheckResult][]): HealthReport {
  const results: [string, CheckResult][] = [...first];
  for (const [name, check] of checks) results.push([name, outcome(check)]);
  return { ok: results.every(([, { ok }]) => ok), checks: Object.fromEntries(results) };
}

/** A check that throws is a bug, and no reason to end the process from within a probe: it counts as not ok. */
function outcome(check: Check): CheckResult {
  try {
    return check();
  } catch {
    return { ok: false, reason: 'the check itself failed' };
  }
}
