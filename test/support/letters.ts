/** A dead letter as commands see it: of a delivery of lead 1 to endpoint crm, unless the test says otherwise. */
import type { Letter } from '../../src/kafka/letter.ts';

export function testLetter(overrides: Partial<Letter> = {}): Letter {
  return {
    partition: 0,
    offset: 0,
    writtenAt: 1_000,
    stage: 'deliver',
    code: 'refused',
    message: 'endpoint answered http-422',
    origin: { topic: 'outbound', partition: 0, offset: 7 },
    endpoint: 'crm',
    lead: '1',
    version: 'v3',
    revision: 5,
    attempts: 1,
    firstFailure: null,
    lastFailure: null,
    status: 422,
    ...overrides,
  };
}
