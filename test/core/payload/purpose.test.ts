import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isListed } from '../../../src/core/payload/purpose.ts';
import { appointmentRow } from '../../support/rows.ts';

function listed(purpose: string | null, enums: readonly string[] = []): boolean {
  return isListed(appointmentRow({ purpose }), { enums: new Set(enums) });
}

describe('isListed', () => {
  it('lists Test Drive in any spelling that differs in case, white space, _ and - (A10)', () => {
    const separator = fc.string({ unit: fc.constantFrom(' ', '\t', '_', '-'), maxLength: 3 });
    fc.assert(
      fc.property(fc.infiniteStream(fc.tuple(fc.boolean(), separator)), (stream) => {
        const spelling = [...'testdrive']
          .map((letter) => {
            const [upper, before] = stream.next().value as [boolean, string];
            return before + (upper ? letter.toUpperCase() : letter);
          })
          .join('');
        expect(listed(spelling)).toBe(true);
      }),
    );
  });

  it.each([null, '', ' ', 'Test', 'Test Drives', 'Pretest drive', 'Test.Drive', 'Service', 'testdrive2', '3'])(
    'does not list the purpose %j (A10)',
    (purpose) => {
      expect(listed(purpose)).toBe(false);
    },
  );

  it('lists an integer purpose that the configuration names, and no other (A10)', () => {
    expect(listed('3', ['3', '12'])).toBe(true);
    expect(listed('12', ['3', '12'])).toBe(true);
    expect(listed('1', ['3', '12'])).toBe(false);
    expect(listed('Test Drive', ['3'])).toBe(true);
  });
});
