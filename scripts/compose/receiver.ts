/**
 * The third party of compose.yaml: takes every webhook on port 8080 and prints a line for each. It answers the first attempt of every
 * fifth lead with 503, so that a retry can be seen. Bodies are not printed.
 */
import process from 'node:process';
import { Receiver } from '../../src/dev/receiver.ts';

const receiver = new Receiver();
receiver.answer = ({ attempt, leadId }) => ({ status: attempt === 1 && Number(leadId) % 5 === 0 ? 503 : 204 });
receiver.onAnswered = ({ path, leadId, version, revision, attempt, status }) => {
  process.stdout.write(`POST ${path} lead ${leadId} ${version} revision ${revision} attempt ${attempt}: ${status}\n`);
};
await receiver.listen(8080, '0.0.0.0');
process.stdout.write('receiver: listening on port 8080\n');
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void receiver.close());
