/** Scenarios: what is announced, and what is not. Real rekey and join tasks over an in-memory Kafka (topology driver). */
import { expect, test } from 'vitest';
import { SourceDatabase } from '../support/change-events.ts';
import { sourceAppointment, sourceLead, sourceTestDrive } from '../support/source-rows.ts';
import { TopologyDriver } from '../support/topology-driver.ts';

const LEAD = 138559;
const MOVED = 2 ** 32;

function world(options: ConstructorParameters<typeof TopologyDriver>[0] = {}): {
  db: SourceDatabase;
  driver: TopologyDriver;
} {
  return { db: new SourceDatabase(), driver: new TopologyDriver(options) };
}

test('a new lead is announced once in every version, as created, with revision 1 (A2)', async () => {
  const { db, driver } = world();
  driver.pipe(db.insert('lead', sourceLead()));
  await driver.drain();
  const told = driver.outbound().map(({ version, revision, cause }) => ({ version, revision, cause }));
  expect(told).toEqual(['v1', 'v2', 'v3'].map((version) => ({ version, revision: 1, cause: 'created' })));
  expect(driver.lead(LEAD)?.json).toMatchObject({
    id: LEAD,
    lead_cluster_id: 289,
    appointments: [],
    has_test_drives: false,
  });
});

test('an appointment of the cluster is announced in v3 alone, for every lead of the cluster (A4)', async () => {
  const { db, driver } = world();
  driver.pipe(db.insert('lead', sourceLead()), db.insert('lead', sourceLead({ id: 7 })));
  await driver.drain();
  driver.pipe(db.insert('appointment', sourceAppointment()));
  await driver.drain();
  for (const lead of [LEAD, 7]) {
    expect(driver.history(lead, 'v1')).toHaveLength(1);
    expect(driver.history(lead, 'v3').map(({ revision, cause }) => ({ revision, cause }))).toEqual([
      { revision: 1, cause: 'created' },
      { revision: 2, cause: 'changed' },
    ]);
    expect(driver.lead(lead)?.json['appointments']).toHaveLength(1);
  }
});

test('several changes of one batch are announced as one payload', async () => {
  const { db, driver } = world();
  driver.pipe(
    db.insert('lead', sourceLead()),
    db.update('lead', sourceLead({ comments: 'second' })),
    db.insert('test_drive', sourceTestDrive()),
  );
  await driver.drain();
  expect(driver.history(LEAD)).toHaveLength(1);
  expect(driver.lead(LEAD)?.json).toMatchObject({ comments: 'second', has_test_drives: true });
});

test('a change of updated_at alone announces nothing and is carried by the next payload (A3)', async () => {
  const { db, driver } = world();
  driver.pipe(db.insert('lead', sourceLead()));
  await driver.drain();
  driver.pipe(db.update('lead', sourceLead({ updated_at: 1_758_000_000_000_000 })));
  await driver.drain();
  expect(driver.history(LEAD)).toHaveLength(1);
  driver.pipe(db.insert('test_drive', sourceTestDrive()));
  await driver.drain();
  expect(driver.lead(LEAD)?.json).toMatchObject({ updated_at: '2025-09-16T05:20:00.000Z', has_test_drives: true });
});

test('a column that is not exported announces nothing (A35)', async () => {
  const { db, driver } = world();
  driver.pipe(db.insert('lead', sourceLead({ golden: false })));
  await driver.drain();
  driver.pipe(db.update('lead', sourceLead({ golden: true })));
  await driver.drain();
  expect(driver.outbound()).toHaveLength(3);
});

test('a lead that moves to another cluster is announced anew under a higher revision, and its old cluster forgets it (A6)', async () => {
  const { db, driver } = world();
  driver.pipe(db.insert('lead', sourceLead()), db.insert('test_drive', sourceTestDrive()));
  await driver.drain();
  driver.pipe(db.update('lead', sourceLead({ lead_cluster_id: 500 })));
  await driver.drain();
  expect(driver.lead(LEAD)).toMatchObject({
    revision: MOVED + 1,
    json: { lead_cluster_id: 500, has_test_drives: false },
  });
  const before = driver.outbound().length;
  driver.pipe(db.remove('test_drive', 5001)[0]);
  await driver.drain();
  expect(driver.outbound()).toHaveLength(before);
});

test('a lead that comes back to a cluster is announced anew under a still higher revision', async () => {
  const { db, driver } = world();
  driver.pipe(db.insert('lead', sourceLead()));
  await driver.drain();
  driver.pipe(db.update('lead', sourceLead({ lead_cluster_id: 500 })), db.update('lead', sourceLead()));
  await driver.drain();
  expect(driver.lead(LEAD)).toMatchObject({ revision: 2 * MOVED + 1, json: { lead_cluster_id: 289 } });
});

test('a merge of two clusters shows every lead the appointments of both', async () => {
  const { db, driver } = world();
  driver.pipe(db.insert('lead', sourceLead()), db.insert('appointment', sourceAppointment()));
  driver.pipe(db.insert('lead', sourceLead({ id: 7, lead_cluster_id: 500 })));
  await driver.drain();
  driver.pipe(
    db.update('lead', sourceLead({ lead_cluster_id: 500 })),
    db.update('appointment', sourceAppointment({ lead_cluster_id: 500 })),
  );
  await driver.drain();
  for (const lead of [LEAD, 7]) {
    expect(driver.lead(lead)?.json).toMatchObject({ lead_cluster_id: 500, appointments: [{ id: 9041 }] });
  }
});

test('a deleted lead is told about no more (A8), and one made again is announced as created under a higher revision', async () => {
  const { db, driver } = world();
  driver.pipe(db.insert('lead', sourceLead()));
  await driver.drain();
  driver.pipe(...db.remove('lead', LEAD), db.insert('appointment', sourceAppointment()));
  await driver.drain();
  expect(driver.history(LEAD)).toHaveLength(1);
  driver.pipe(db.insert('lead', sourceLead({ comments: 'again' })));
  await driver.drain();
  expect(driver.lead(LEAD)).toMatchObject({
    revision: MOVED + 1,
    cause: 'created',
    json: { comments: 'again', appointments: [{ id: 9041 }] },
  });
});

test('deleted_at takes a row away and its return brings it back (A7)', async () => {
  const { db, driver } = world();
  driver.pipe(db.insert('lead', sourceLead()), db.insert('test_drive', sourceTestDrive()));
  await driver.drain();
  driver.pipe(db.update('test_drive', sourceTestDrive({ deleted_at: 1_758_000_000_000_000 })));
  await driver.drain();
  expect(driver.lead(LEAD)?.json['has_test_drives']).toBe(false);
  driver.pipe(db.update('test_drive', sourceTestDrive()));
  await driver.drain();
  expect(driver.lead(LEAD)?.json['has_test_drives']).toBe(true);
});

test('an unknown time zone is rendered as Brisbane and stops nothing (A24)', async () => {
  const { db, driver } = world();
  driver.pipe(
    db.insert('lead', sourceLead({ dealership: '{"id": 3, "time_zone": "Mars/Olympus"}' })),
    db.insert('appointment', sourceAppointment()),
  );
  await driver.drain();
  expect(driver.lead(LEAD)?.json['appointments']).toMatchObject([{ starts_at: '2025-09-18 12:00:00' }]);
});

test('a cluster above its row limit tells nothing, says so once, and is told again when it has fewer rows', async () => {
  const { db, driver } = world({ clusterRowsMax: 2 });
  driver.pipe(db.insert('lead', sourceLead()), db.insert('test_drive', sourceTestDrive()));
  await driver.drain();
  driver.pipe(db.insert('test_drive', sourceTestDrive({ id: 5002 })));
  await driver.drain();
  driver.pipe(db.insert('appointment', sourceAppointment()));
  await driver.drain();
  expect(driver.history(LEAD)).toHaveLength(1);
  expect(driver.deadLetters().map(({ headers }) => headers['lead-webhooks.errors.code']?.toString())).toEqual([
    'cluster-too-large',
  ]);
  driver.pipe(...db.remove('test_drive', 5002), ...db.remove('test_drive', 5001));
  await driver.drain();
  expect(driver.lead(LEAD)?.json).toMatchObject({ has_test_drives: false, appointments: [{ id: 9041 }] });
});

test('a new zone of a dealership shows with the lead whose row has it; other leads keep theirs until their rows change (A25)', async () => {
  const { db, driver } = world();
  const sydney = '{"id": 3, "time_zone": "Australia/Sydney"}';
  driver.pipe(db.insert('lead', sourceLead()), db.insert('lead', sourceLead({ id: 7 })));
  driver.pipe(db.insert('appointment', sourceAppointment({ starts_at: 1_760_000_000_000_000 })));
  await driver.drain();
  driver.pipe(db.update('lead', sourceLead({ id: 7, dealership: sydney })));
  await driver.drain();
  const startsAt = (lead: number): unknown => driver.lead(lead)?.json['appointments'];
  expect(startsAt(LEAD)).toMatchObject([{ starts_at: '2025-10-09 18:53:20' }]);
  expect(startsAt(7)).toMatchObject([{ starts_at: '2025-10-09 19:53:20' }]);
  expect(driver.history(LEAD)).toHaveLength(1);
});

test('a payload beyond the limit is not cut: it becomes a dead letter that names the lead and its size (A41)', async () => {
  const { db, driver } = world({ versions: ['v3'], bodyBytesMax: 3_000 });
  driver.pipe(db.insert('lead', sourceLead({ comments: 'x'.repeat(3_000) })));
  await driver.drain();
  expect(driver.outbound()).toEqual([]);
  const [letter] = driver.deadLetters();
  expect(letter?.headers['lead-webhooks.errors.code']?.toString()).toBe('too-large');
  expect(letter?.value).toBeNull();
});
