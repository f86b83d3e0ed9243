/**
 * What the process is told from outside and from below: signals, and failures that nobody awaited. While a lifecycle is attached it decides
 * what they mean; otherwise (a command that ends by itself) a signal does what the platform does, and a crash is one line and exit 1.
 */
import { type Lifecycle, lineOf } from '../ops/lifecycle.ts';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Listens for crashes from now on.
 * @param of the process.
 * @returns the function that attaches a lifecycle; what that returns detaches it.
 */
export function processEvents(of: NodeJS.Process): (lifecycle: Lifecycle) => () => void {
  let attached: Lifecycle | null = null;
  const crashed = (error: unknown): void => {
    if (attached !== null) {
      attached.fail(error);
      return;
    }
    of.stderr.write(`lead-webhooks: ${lineOf(error)}\n`);
    of.exit(1);
  };
  of.on('uncaughtException', crashed);
  of.on('unhandledRejection', crashed);

  return (lifecycle) => {
    const onSignal = (name: string): void => lifecycle.handleSignal(name);
    attached = lifecycle;
    for (const name of SIGNALS) of.on(name, onSignal);
    return () => {
      attached = null;
      for (const name of SIGNALS) of.off(name, onSignal);
    };
  };
}
