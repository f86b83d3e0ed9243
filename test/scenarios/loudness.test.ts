/** Scenarios: no blast on the first day. Snapshots and history fill the state and announce nothing. */
import { expect, test } from 'vitest';
import { SourceDatabase } from '../support/change-events.ts';
import { sourceAppointment, sourceLead, sourceTestDrive } from '../support/source-rows.ts';
import { TopologyDriver } from '../support/topology-driver.ts';

const LEAD = 138559;

test('snapshot rows announce nothing; the first change of a lead announces it in every version, with the silent rows in it', async () => {
  const db = new SourceDatabase();
  const driver = new TopologyDriver();
  driver.pipe(db.snapshot('lead', sourceLead()), db.snapshot('test_drive', sourceTestDrive()));
  await driver.drain();
  expect(driver.outbound()).toEqual([]);
  driver.pipe(db.update('lead', sourceLead({ comments: 'new' })));
  await driver.drain();
  expect(driver.outbound().map(({ version, cause }) => `${version} ${cause}`)).toEqual([
    'v1 changed',
    'v2 changed',
    'v3 changed',
  ]);
  expect(driver.lead(LEAD)?.json).toMatchObject({ comments: 'new', has_test_drives: true });
});

test('a live test drive opens the gate of v3 alone for a silent lead', async () => {
  const db = new SourceDatabase();
  const driver = new TopologyDriver();
  driver.pipe(db.snapshot('lead', sourceLead()));
  await driver.drain();
  driver.pipe(db.insert('test_drive', sourceTestDrive()));
  await driver.drain();
  expect(driver.outbound().map(({ version }) => version)).toEqual(['v3']);
});

test('an appointment with another purpose opens no gate', async () => {
  const db = new SourceDatabase();
  const driver = new TopologyDriver();
  driver.pipe(db.snapshot('lead', sourceLead()));
  await driver.drain();
  driver.pipe(db.insert('appointment', sourceAppointment({ purpose: 'Service' })));
  await driver.drain();
  expect(driver.outbound()).toEqual([]);
});

test('a deletion that takes a silent row out of the body of a lead never announced tells nothing', async () => {
  const db = new SourceDatabase();
  const driver = new TopologyDriver();
  driver.pipe(db.snapshot('lead', sourceLead()), db.snapshot('test_drive', sourceTestDrive()));
  await driver.drain();
  driver.pipe(...db.remove('test_drive', 5001));
  await driver.drain();
  expect(driver.outbound()).toEqual([]);
});

test('what was committed before ANNOUNCE_SINCE is silent, what came after is loud', async () => {
  const db = new SourceDatabase();
  const driver = new TopologyDriver({ announceSince: db.now + 1 });
  driver.pipe(db.insert('lead', sourceLead()));
  await driver.drain();
  expect(driver.outbound()).toEqual([]);
  driver.pipe(db.insert('lead', sourceLead({ id: 7 })));
  await driver.drain();
  expect(driver.outbound().map(({ leadId }) => leadId)).toEqual(['7', '7', '7']);
});

test('with ANNOUNCE_SINCE=beginning snapshot rows are announced too', async () => {
  const db = new SourceDatabase();
  const driver = new TopologyDriver({ announceSince: 'beginning' });
  driver.pipe(db.snapshot('lead', sourceLead()));
  await driver.drain();
  expect(driver.outbound()).toHaveLength(3);
});

test('a later snapshot that repeats the row announces nothing, one that heals a lost change of a live row does', async () => {
  const db = new SourceDatabase();
  const driver = new TopologyDriver();
  driver.pipe(db.insert('lead', sourceLead()));
  await driver.drain();
  driver.pipe(db.snapshot('lead', sourceLead()));
  await driver.drain();
  expect(driver.history(LEAD)).toHaveLength(1);
  driver.pipe(db.snapshot('lead', sourceLead({ comments: 'healed' })));
  await driver.drain();
  expect(driver.lead(LEAD)?.json['comments']).toBe('healed');
});
