import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compact, kindOf, MAX_DEPTH, members, rawMembers, stringOf } from '../../src/core/json.ts';

describe('compact', () => {
  test.each([
    ['{"b": 1, "a": [1,\t2 ,\r\n3]}', '{"b":1,"a":[1,2,3]}'],
    [' 329.0 ', '329.0'],
    ['[46.90, 9007199254740993, 1E400, -0.0]', '[46.90,9007199254740993,1E400,-0.0]'],
    ['{"2":1,"1":2,"2":3}', '{"2":1,"1":2,"2":3}'],
    ['"\\u0041\\/\\u00e9\\n\\ud83d\\ude00 a b"', '"A/é\\n😀 a b"'],
    ['"\\ud800"', '"\\ud800"'],
    ['"\ud800"', '"\\ud800"'],
    ['{"__proto__": {"a" : null}}', '{"__proto__":{"a":null}}'],
    ['{ }', '{}'],
    ['[ ]', '[]'],
    ['"<>&\u2028"', '"<>&\u2028"'],
  ])('%j becomes %j: whitespace goes, order and digits stay (A27)', (text, expected) => {
    expect(compact(text)).toBe(expected);
  });

  test.each([
    '',
    ' ',
    '{',
    '}',
    '[1,]',
    '[,1]',
    '{"a":1,}',
    '{"a" 1}',
    '{a:1}',
    "{'a':1}",
    '{"a":}',
    '{1:2}',
    '01',
    '-',
    '+1',
    '1.',
    '.5',
    '1e',
    '1e+',
    'NaN',
    'Infinity',
    'nul',
    'True',
    'undefined',
    '"',
    '"\\x"',
    '"\\u12"',
    '"\\u12g4"',
    '"a\nb"',
    '"\t"',
    '"\\',
    '"\\"',
    '1 2',
    '{} {}',
    '[1}',
    '\ufeff1',
    '\u00a01',
    '"a',
    '[1',
    '{"a":1',
    '{"a"',
    '{"a":',
    '//1',
    'n',
    '-a',
  ])('%j is not JSON', (text) => {
    expect(compact(text)).toBeNull();
    expect(() => JSON.parse(text)).toThrow();
  });

  test('agrees with JSON.parse and JSON.stringify on every value that a double holds', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.integer({ min: 0, max: 3 }), (text, indent) => {
        const value: unknown = JSON.parse(text);
        const respelled = compact(JSON.stringify(value, null, indent));
        expect(respelled).toBe(JSON.stringify(value));
      }),
    );
  });

  test('accepts exactly the texts that JSON.parse accepts', () => {
    const character = fc.constantFrom(...'{}[]",:\\ \t\n0123456789.eE+-truefalsnuA\u0001é');
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: character, maxLength: 12 }), fc.json()), fc.nat(), (text, at) => {
        const broken = text.slice(0, at % (text.length + 1)) + text.slice((at % (text.length + 1)) + 1);
        for (const candidate of [text, broken]) {
          let parsed: unknown = new Error('not JSON');
          try {
            parsed = JSON.parse(candidate);
          } catch {}
          const found = compact(candidate);
          if (parsed instanceof Error) expect(found).toBeNull();
          else expect(JSON.parse(found ?? 'absent')).toEqual(parsed);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('nesting as deep as the limit is read, one deeper is refused, and a hostile depth does not end the process', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(compact(nested(MAX_DEPTH))).toBe(nested(MAX_DEPTH));
    expect(compact(nested(MAX_DEPTH + 1))).toBeNull();
    expect(compact('{"a":'.repeat(1_000_000))).toBeNull();
    expect(members(`{"a":${nested(1_000_000)}}`)).toBeNull();
  });
});

describe('members', () => {
  test('gives each member compact, and of a repeated key the last', () => {
    const found = members(' { "a" : [1, 2] , "\\u0062" : "\\u0041", "__proto__": {"x": 1}, "a": 329.0, "c": null } ');
    expect([...(found ?? [])]).toEqual([
      ['a', '329.0'],
      ['b', '"A"'],
      ['__proto__', '{"x":1}'],
      ['c', 'null'],
    ]);
  });

  test('an object without members has none', () => {
    expect(members('{}')?.size).toBe(0);
  });

  test.each(['null', '1', '"{}"', '[]', '[{}]', '{"a":1', '{"a":1}x', '{"a":1,}'])('%j is no object', (text) => {
    expect(members(text)).toBeNull();
  });

  test('equals JSON.parse member by member', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), fc.nat(2), (object, indent) => {
        const found = members(JSON.stringify(object, null, indent)) ?? new Map<string, string>();
        expect([...found.keys()].sort()).toEqual(Object.keys(object).sort());
        for (const [key, fragment] of found) expect(fragment).toBe(JSON.stringify(object[key]));
      }),
    );
  });
});

describe('rawMembers', () => {
  test('leaves values as written and opens the objects that were asked for', () => {
    const read = rawMembers('{"a": {"x": [1, 2] , "y":"\\u0041"}, "b": [1, 2], "c": {"z": 1}}', new Set(['a', 'b']));
    expect([...(read?.members ?? [])]).toEqual([
      ['a', '{"x": [1, 2] , "y":"\\u0041"}'],
      ['b', '[1, 2]'],
      ['c', '{"z": 1}'],
    ]);
    expect([...(read?.objects.keys() ?? [])]).toEqual(['a']);
    expect([...(read?.objects.get('a') ?? [])]).toEqual([
      ['x', '[1, 2]'],
      ['y', '"\\u0041"'],
    ]);
  });

  test('an opened member that is repeated as another kind is no object any more', () => {
    const read = rawMembers('{"a":{"x":1},"a":null}', new Set(['a']));
    expect(read?.objects.has('a')).toBe(false);
    expect(read?.members.get('a')).toBe('null');
  });

  test('refuses a broken opened object', () => {
    expect(rawMembers('{"a":{"x":01}}', new Set(['a']))).toBeNull();
  });
});

test.each([
  ['null', 'null'],
  ['true', 'bool'],
  ['false', 'bool'],
  ['-1', 'number'],
  ['0', 'number'],
  ['"a"', 'string'],
  ['{}', 'object'],
  ['[]', 'array'],
])('the kind of %j is %s', (fragment, kind) => {
  expect(kindOf(fragment)).toBe(kind);
});

test('a JSON string gives the characters that it stands for', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(stringOf(JSON.stringify(text))).toBe(text);
    }),
  );
});
