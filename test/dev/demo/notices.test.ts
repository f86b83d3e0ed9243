/** The log of a demo. */
import { expect, test } from 'vitest';
import { Notices } from '../../../src/dev/demo/notices.ts';

function notices() {
  const lines: string[] = [];
  return { log: new Notices((line) => lines.push(line)), lines };
}

test('only warnings and worse are shown, as one line that says where', () => {
  const { log, lines } = notices();
  log.debug();
  log.info();
  log.warn({ endpoint: 'orange-crm', code: 'http-500', body: 'private' }, 'endpoint fails');
  log.error({}, 'no broker');
  expect(lines).toEqual(['    warning: endpoint fails (endpoint orange-crm, code http-500)', '    error: no broker']);
});

test('what is held back is dropped, or shown with what comes later', () => {
  const { log, lines } = notices();
  log.hold();
  log.warn({}, 'one');
  log.release(false);
  log.hold();
  log.warn({}, 'two');
  expect(lines).toEqual([]);
  log.release(true);
  log.warn({}, 'three');
  expect(lines).toEqual(['    warning: two', '    warning: three']);
});

test('whatever is logged makes those look who wait', async () => {
  const { log } = notices();
  let ready = false;
  const waiting = log.until(() => ready, new AbortController().signal);
  ready = true;
  log.info();
  await expect(waiting).resolves.toBeUndefined();
});
