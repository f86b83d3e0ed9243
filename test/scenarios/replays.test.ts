/** Scenarios: what a connector writes twice, leaves out, or writes in an order that would do harm. */
import { expect, test } from 'vitest';
import { SourceDatabase } from '../support/change-events.ts';
import { sourceAppointment, sourceLead, sourceTestDrive } from '../support/source-rows.ts';
import { TopologyDriver } from '../support/topology-driver.ts';

const LEAD = 138559;
const PLACEHOLDER = '__debezium_unavailable_value';

test('a connector that replays old changes after a crash changes nothing', async () => {
  const db = new SourceDatabase();
  const driver = new TopologyDriver();
  const events = [
    db.insert('lead', sourceLead()),
    db.update('lead', sourceLead({ comments: 'second' })),
    db.update('lead', sourceLead({ comments: 'third' })),
  ];
  driver.pipe(...events);
  await driver.drain();
  driver.pipe(...events);
  await driver.drain(() => 1);
  expect(driver.history(LEAD)).toHaveLength(1);
  expect(driver.lead(LEAD)?.json['comments']).toBe('third');
});

test('a replayed tombstone does not kill a row that was made again since', async () => {
  const db = new SourceDatabase();
  const driver = new TopologyDriver();
  const born = db.insert('test_drive', sourceTestDrive());
  const dead = db.remove('test_drive', 5001);
  const again = db.insert('test_drive', sourceTestDrive());
  driver.pipe(db.insert('lead', sourceLead()), born, ...dead, again);
  await driver.drain();
  driver.pipe(...dead, again);
  await driver.drain(() => 1);
  expect(driver.lead(LEAD)?.json['has_test_drives']).toBe(true);
});

test('a replayed tombstone that comes first after a restart is still known to follow its delete', async () => {
  const db = new SourceDatabase();
  const driver = new TopologyDriver();
  const born = db.insert('test_drive', sourceTestDrive());
  const [gone, tombstone] = db.remove('test_drive', 5001);
  const again = db.insert('test_drive', sourceTestDrive());
  driver.pipe(db.insert('lead', sourceLead()), born, gone, tombstone, again, gone);
  await driver.drain();
  driver.restartAll();
  driver.pipe(tombstone);
  await driver.drain();
  expect(driver.lead(LEAD)?.json['has_test_drives']).toBe(true);
});

test('a tombstone whose delete was compacted away deletes', async () => {
  const db = new SourceDatabase();
  const driver = new TopologyDriver();
  driver.pipe(db.insert('lead', sourceLead()), db.insert('test_drive', sourceTestDrive()));
  await driver.drain();
  driver.pipe(db.tombstone('test_drive', 5001));
  await driver.drain();
  expect(driver.lead(LEAD)?.json['has_test_drives']).toBe(false);
});

test('an unchanged TOAST value keeps what it was, also when the row moves in the same update and after a restart', async () => {
  const db = new SourceDatabase();
  const driver = new TopologyDriver({ rowCacheBytes: 0 });
  driver.pipe(db.insert('lead', sourceLead({ additional_details: '{"a": 1.0}' })));
  await driver.drain();
  driver.restartAll();
  driver.pipe(
    db.update('lead', sourceLead({ lead_cluster_id: 500, additional_details: PLACEHOLDER, comments: PLACEHOLDER })),
  );
  await driver.drain();
  const lead = driver.lead(LEAD);
  expect(lead?.json).toMatchObject({ lead_cluster_id: 500, comments: 'comments here' });
  expect(lead?.body).toContain('"additional_details":{"a":1.0}');
});

test('two updates of one batch that leave a value out, with a move between them, keep it', async () => {
  const db = new SourceDatabase();
  const driver = new TopologyDriver({ rowCacheBytes: 1_000_000 });
  driver.pipe(
    db.insert('lead', sourceLead({ comments: 'kept' })),
    db.update('lead', sourceLead({ comments: PLACEHOLDER, lead_cluster_id: 500 })),
    db.update('lead', sourceLead({ comments: PLACEHOLDER, category: 'Phone Call', lead_cluster_id: 289 })),
  );
  await driver.drain();
  expect(driver.lead(LEAD)?.json).toMatchObject({ comments: 'kept', category: 'Phone Call', lead_cluster_id: 289 });
});

test('a value that nobody knows keeps its lead from being announced until a full record heals it', async () => {
  const db = new SourceDatabase();
  const driver = new TopologyDriver();
  driver.pipe(db.update('lead', sourceLead({ comments: PLACEHOLDER })));
  await driver.drain();
  driver.pipe(db.update('lead', sourceLead({ comments: PLACEHOLDER, category: 'Phone Call' })));
  await driver.drain();
  expect(driver.outbound()).toEqual([]);
  driver.pipe(db.snapshot('lead', sourceLead({ comments: 'healed' })));
  await driver.drain();
  expect(driver.lead(LEAD)?.json['comments']).toBe('healed');
});

test('an unknown note of an appointment keeps back v3 alone', async () => {
  const db = new SourceDatabase();
  const driver = new TopologyDriver();
  driver.pipe(db.insert('lead', sourceLead()), db.update('appointment', sourceAppointment({ note: PLACEHOLDER })));
  await driver.drain();
  expect(driver.outbound().map(({ version }) => version)).toEqual(['v1', 'v2']);
});

test('a bad record goes to the dead letters with its reason and place, and the stream goes on', async () => {
  const db = new SourceDatabase();
  const driver = new TopologyDriver({ partitions: 1 });
  driver.pipe({ table: 'lead', id: 1, value: '{"op": "c", "after": {"id": "x"' }, db.insert('lead', sourceLead()));
  await driver.drain();
  const [letter] = driver.deadLetters();
  const header = (name: string): string | undefined => letter?.headers[`lead-webhooks.errors.${name}`]?.toString();
  expect({
    stage: header('stage'),
    topic: header('topic'),
    partition: header('partition'),
    offset: header('offset'),
    code: header('code'),
  }).toEqual({
    stage: 'rekey',
    topic: 'source.lead',
    partition: '0',
    offset: '0',
    code: 'undecodable',
  });
  expect(letter?.value?.toString()).toBe('{"op": "c", "after": {"id": "x"');
  expect(driver.history(LEAD)).toHaveLength(1);
});
