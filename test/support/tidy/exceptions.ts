/** Where a rule may be broken, and why. It may only shrink: an entry that nothing needs fails the tidy test. */
import type { Exception } from './rule.ts';

export const EXCEPTIONS: readonly Exception[] = [
  {
    rule: 'tested',
    path: 'src/bin/loop-watchdog-thread.ts',
    why: 'runs in a thread of its own and kills its process: test/bin/loop-watchdog.test.ts starts one',
  },
  {
    rule: 'tested',
    path: 'src/dev/containers.ts',
    why: 'needs a container engine; where there is one, test/dev/services.int.test.ts runs on what it starts',
  },
  {
    rule: 'tested',
    path: 'src/dev/local-cluster.ts',
    why: 'needs Java also where there is an engine; every long chaos run and the benches of load and restarts start on it',
  },
  {
    rule: 'tested',
    path: 'src/dev/local-registry.ts',
    why: 'needs Java 21; where there is no engine, test/dev/services.int.test.ts runs on what it starts',
  },
];
